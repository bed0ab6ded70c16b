-- Reads one count of a resource.
--
-- KEYS:       1 the name of the resource
-- ARGV:       1 to 4 as in _named.lua; 5 the key of the count, behind the uid
-- Answer:     the count; an error if the uid of the resource belongs to another one
-- Cost:       O(1)
-- Undeclared: the count, and the hash of the uid

-- include named

return uid and redis.call('GET', stem .. ARGV[5]) or 0
