-- Removes an action that no follower has any more.
--
-- KEYS:       1 the resource of the actor, 2 the action
-- ARGV:       1 the token of the writer
-- Answer:     none; an error if the token is refused
-- Cost:       O(1)
-- Undeclared: none

-- include fence

redis.call('UNLINK', KEYS[2])
