-- Removes members that do not belong into a set of a resource. The count becomes the size of the set, whatever it was.
--
-- KEYS:       1 the hash of the resource, 2 the set, 3 its count, 4 the note about the log
-- ARGV:       1 the token of the writer, 2 the last event that it could see while it held its locks; then the members
--             to remove
-- Answer:     none; an error if the token is refused
-- Cost:       O(n log m) for n members to remove from a set of m
-- Undeclared: none

-- include is_later
-- include fence

if is_later(KEYS[4], redis.call('HGET', KEYS[1], 'direct'), ARGV[2]) then return stale(KEYS[1]) end
if #ARGV > 2 then redis.call('ZREM', KEYS[2], unpack(ARGV, 3)) end
local left = redis.call('ZCARD', KEYS[2])
if left > 0 then redis.call('SET', KEYS[3], left) else redis.call('DEL', KEYS[3]) end
