-- Asks which resources another one follows.
--
-- KEYS:       1 the name of the one that follows, then those of the others
-- ARGV:       1 to 4 as in _named.lua; 5 the key of what it follows, behind the uid
-- Answer:     '1' or '0' for each of the others; an error if the uid of the first one belongs to another one, or
--             parts are missing
-- Cost:       O(n) for n others, O(n log m) if the follower follows m
-- Undeclared: the set, its count, and the hash of the uid

-- include named

local error = uid and misses(stem .. ARGV[5])
if error then return error end
local found, members, places = {}, {}, {}
for i = 2, #KEYS do
  local other = uid and redis.call('GET', KEYS[i])
  found[i - 1] = '0'
  if other then
    members[#members + 1] = other
    places[#places + 1] = i - 1
  end
end
if #members > 0 then
  for i, score in ipairs(redis.call('ZMSCORE', stem .. ARGV[5], unpack(members))) do
    if score then found[places[i]] = '1' end
  end
end
return found
