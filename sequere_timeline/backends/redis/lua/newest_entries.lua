-- Reads the newest entries of a feed down to a score, as they are stored.
--
-- KEYS:       1 the feed
-- ARGV:       1 the lowest score, 2 how many entries to leave out, 3 how many to read, '-1' for all
-- Answer:     members and scores in turn
-- Cost:       O(log m + n) for n entries of m, those left out included
-- Undeclared: none

return redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', ARGV[1], 'WITHSCORES', 'LIMIT', ARGV[2], ARGV[3])
