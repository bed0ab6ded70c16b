-- Stores an action, and its entry in the public feed of its actor.
--
-- KEYS:       1 the resource of the actor, 2 the action, 3 the public feed of the actor
-- ARGV:       1 the token of the writer, 2 the score, 3 the member, 4 '1' if the action is published; then the fields
--             of the action and their values
-- Answer:     none; an error if the token is refused
-- Cost:       O(log m) for a feed of m entries
-- Undeclared: none

-- include fence

redis.call('HSET', KEYS[2], unpack(ARGV, 5))
if ARGV[4] == '1' then
  redis.call('HSET', KEYS[1], 'published', 1)  -- stays, even if the action is deleted
  redis.call('ZADD', KEYS[3], ARGV[2], ARGV[3])
else
  redis.call('ZREM', KEYS[3], ARGV[3])
end
