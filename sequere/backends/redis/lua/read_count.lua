-- Reads one count of a resource.
--
-- KEYS:       1 the name of the resource
-- ARGV:       1 to 4 as in _named.lua; 5 the key of the set, behind the uid
-- Answer:     the size of the set; an error if the uid of the resource belongs to another one, or parts are missing
-- Cost:       O(1)
-- Undeclared: the set, its count, and the hash of the uid

-- include named

if not uid then return 0 end
local set = stem .. ARGV[5]
return misses(set) or redis.call('ZCARD', set)
