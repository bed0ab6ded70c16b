-- Begins to fill an expired private feed. New actions reach it from now on.
--
-- KEYS:       1 the private feed
-- ARGV:       1 the nonce of the reader, 2 seconds after which the reader has given up
-- Answer:     1 if the feed is there already, 0 if the reader should fill it
-- Cost:       O(1)
-- Undeclared: none

if redis.call('ZSCORE', KEYS[1], '') then return 1 end
redis.call('ZADD', KEYS[1], '-inf', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 0
