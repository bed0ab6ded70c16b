-- Adds the entries to a private feed, unless an action was withdrawn since its filling began.
--
-- KEYS:       1 the private feed
-- ARGV:       1 the nonce of the reader, 2 seconds until the feed expires, '0' for never, 3 the score of the empty
--             member; then the scores and the members of the entries
-- Answer:     1 if the feed is there, 0 if the reader must begin again
-- Cost:       O(n log n) for n entries
-- Undeclared: none

if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '-inf')
for i = 4, #ARGV, 1000 do
  redis.call('ZADD', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
redis.call('ZADD', KEYS[1], ARGV[3], '')
if ARGV[2] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return 1
