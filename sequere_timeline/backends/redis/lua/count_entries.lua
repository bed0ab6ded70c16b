-- Counts the entries of a feed.
--
-- KEYS:       1 the feed, 2 the numbers of names, 3 the resource of the owner
-- ARGV:       1 to 6 as in _shown_entries.lua
-- Answer:     the number of entries; -1 if the feed must be filled
-- Cost:       O(log m) for a feed of m entries; with filters, or if the owner does not see all actors, O(m)
-- Undeclared: none

-- include shown_entries

if nothing then return 0 end
if not filtered then return math.max(last - first + 1, 0) end
local count = 0
for place = first, last, 1000 do
  for _, member in ipairs(redis.call('ZRANGE', key, place, math.min(place + 999, last))) do
    if matches(member, false) then count = count + 1 end
  end
end
return count
