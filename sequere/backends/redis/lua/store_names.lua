-- Stores the names of resources, as the database knows them, in place of others.
--
-- KEYS:       1 the highest uid
-- ARGV:       1 the beginning of all keys ('<prefix>uid:'); then, for each resource, its uid, identifier and object id
-- Answer:     none
-- Cost:       O(n) for n resources
-- Undeclared: the names and the hashes of the resources

-- include highest_uid

for i = 2, #ARGV, 3 do
  local uid, identifier, object_id = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  redis.call('SET', ARGV[1] .. identifier .. ':' .. object_id, uid)
  redis.call('HSET', ARGV[1] .. ':' .. uid, 'identifier', identifier, 'object_id', object_id)
  keep_highest(uid)
end
