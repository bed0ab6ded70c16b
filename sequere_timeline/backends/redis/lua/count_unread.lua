-- Counts the entries of a private feed that are later than its owner has read, and not the owner's own.
--
-- KEYS:       1 the private feed, 2 the numbers of names, 3 the resource of the owner
-- ARGV:       1 to 6 as in _shown_entries.lua, 7 how many to count at most, '' for all
-- Answer:     the number of entries; -1 if the feed must be filled
-- Cost:       O(log m + n) for n later entries of m
-- Undeclared: none

-- include shown_entries

if nothing then return 0 end
local read = redis.call('HGET', KEYS[3], 'read')
if read then first = math.max(first, redis.call('ZCOUNT', key, '-inf', read)) end
local count, limit = 0, tonumber(ARGV[7]) or math.huge
for place = first, last, 1000 do
  for _, member in ipairs(redis.call('ZRANGE', key, place, math.min(place + 999, last))) do
    if matches(member, true) then count = count + 1 end
    if count == limit then return count end
  end
end
return count
