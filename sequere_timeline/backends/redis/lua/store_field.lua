-- Stores what is known of the owner of a timeline: until when it has read, or whom it does not see.
--
-- KEYS:       1 the resource of the owner
-- ARGV:       1 the token of the writer, 2 the field, 3 its value, '' for none
-- Answer:     none; an error if the token is refused
-- Cost:       O(1)
-- Undeclared: none

-- include fence

if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[2])
else
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
end
