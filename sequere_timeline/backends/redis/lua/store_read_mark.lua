-- Stores until when the owner of a timeline has read.
--
-- KEYS:       1 the resource of the owner
-- ARGV:       1 the token of the writer, 2 the score, '' for never
-- Answer:     none; an error if the token is refused
-- Cost:       O(1)
-- Undeclared: none

-- include fence

if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], 'read')
else
  redis.call('HSET', KEYS[1], 'read', ARGV[2])
end
