-- Gives an entry its reasons in the private feed of an owner, or removes it; the same in the direct feed.
--
-- KEYS:       1 the resource of the actor, 2 the private feed of the owner, 3 the direct feed
-- ARGV:       1 the token of the writer, 2 the score, 3 the member of the private feed, '' for none, 4 the member of
--             the direct feed, 5 '1' if it belongs there, 6 the cap, '0' for none, 7 the slack; then the members that
--             the entry may be in the private feed
-- Answer:     none; an error if the token is refused
-- Cost:       O(log m) for feeds of m entries
-- Undeclared: none

-- include fence
-- include cut_feed

if ARGV[5] == '1' then
  redis.call('ZADD', KEYS[3], ARGV[2], ARGV[4])
else
  redis.call('ZREM', KEYS[3], ARGV[4])
end
local floor = redis.call('ZSCORE', KEYS[2], '')
if not floor then
  redis.call('UNLINK', KEYS[2])
  return
end
local was_there = redis.call('ZREM', KEYS[2], unpack(ARGV, 8)) > 0
if ARGV[3] ~= '' then
  redis.call('ZADD', KEYS[2], ARGV[2], ARGV[3])
  if not was_there and tonumber(floor) == tonumber(ARGV[2])
      and redis.call('ZRANK', KEYS[2], ARGV[3]) == redis.call('ZRANK', KEYS[2], '') + 1 then
    redis.call('ZREM', KEYS[2], ARGV[3])  -- dated as the oldest entry kept, but before it: it was cut
  end
  cut(KEYS[2], tonumber(ARGV[6]), tonumber(ARGV[7]))
end
