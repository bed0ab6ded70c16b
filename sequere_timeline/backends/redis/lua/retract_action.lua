-- Takes an action out of the public feed of its actor, and off all pages. Its other fields stay until no follower has
-- it.
--
-- KEYS:       1 the resource of the actor, 2 the action, 3 the public feed of the actor
-- ARGV:       1 the token of the writer, 2 the member; then the fields from which the action is shown
-- Answer:     none; an error if the token is refused
-- Cost:       O(log m) for a feed of m entries
-- Undeclared: none

-- include fence

redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('HDEL', KEYS[2], unpack(ARGV, 3))
