-- Notes that an action has reached all followers of its actor, or that it was not meant to.
--
-- KEYS:       1 the resource of the actor, 2 the action
-- ARGV:       1 the token of the writer, 2 the event that published the action, '' if none has
-- Answer:     none; an error if the token is refused
-- Cost:       O(1)
-- Undeclared: none

-- include fence

if ARGV[2] == '' then
  redis.call('HDEL', KEYS[2], 'reached')
else
  redis.call('HSET', KEYS[2], 'reached', ARGV[2])
end
