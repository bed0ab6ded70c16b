-- Measures the sets of resources, and compares them with the numbers that they should have.
--
-- KEYS:       FollowKeys.sets_and_counts() of each resource: for each kind, followers, followings and friends, each
--             with its count
-- ARGV:       for each kind, how many followers and followings there should be
-- Answer:     for each kind that is wrong: its position from 0, the sizes of the three sets, the three counts, and how
--             many members the two sets of followers and followings have in common
-- Cost:       O(k) for k kinds, and O(n) for n members of the smaller of two sets
-- Undeclared: none

local wrong = {}
for i = 1, #KEYS, 6 do
  local followers, followings = redis.call('ZCARD', KEYS[i]), redis.call('ZCARD', KEYS[i + 2])
  local friends, both = redis.call('ZCARD', KEYS[i + 4]), 0
  if followers > 0 and followings > 0 then both = redis.call('ZINTERCARD', 2, KEYS[i], KEYS[i + 2]) end
  local counts = redis.call('MGET', KEYS[i + 1], KEYS[i + 3], KEYS[i + 5])
  for n = 1, 3 do counts[n] = tonumber(counts[n] or 0) or -1 end
  local n = (i - 1) / 3
  if followers ~= tonumber(ARGV[n + 1]) or followings ~= tonumber(ARGV[n + 2]) or friends ~= both
      or counts[1] ~= followers or counts[2] ~= followings or counts[3] ~= friends then
    wrong[#wrong + 1] = {n / 2, followers, followings, friends, counts[1], counts[2], counts[3], both}
  end
end
return wrong
