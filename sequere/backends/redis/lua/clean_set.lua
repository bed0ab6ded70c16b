-- Removes members that do not belong into a set of a resource. The count becomes the size of the set, whatever it was.
--
-- KEYS:       1 the hash of the resource, 2 the set, 3 its count
-- ARGV:       1 the token of the writer; then the members to remove
-- Answer:     none; an error if the token is refused
-- Cost:       O(n log m) for n members to remove from a set of m
-- Undeclared: none

-- include fence

if #ARGV > 1 then redis.call('ZREM', KEYS[2], unpack(ARGV, 2)) end
local left = redis.call('ZCARD', KEYS[2])
if left > 0 then redis.call('SET', KEYS[3], left) else redis.call('DEL', KEYS[3]) end
