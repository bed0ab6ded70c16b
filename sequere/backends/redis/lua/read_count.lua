-- Reads one count of a resource.
--
-- KEYS:       1 the uid of the resource
-- ARGV:       1, 2 the key of the count, before the uid and after it
-- Answer:     the count
-- Cost:       O(1)
-- Undeclared: the count

local uid = redis.call('GET', KEYS[1])
return uid and redis.call('GET', ARGV[1] .. uid .. ARGV[2]) or 0
