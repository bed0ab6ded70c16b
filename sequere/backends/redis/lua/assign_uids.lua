-- Gives uids to resources that have none.
--
-- KEYS:       for each resource, its uid, and the hash of the new uid
-- ARGV:       for each resource, the new uid, identifier and object id
-- Answer:     for each resource, its uid, which another process may have assigned before; false if the new one is taken
-- Cost:       O(n) for n resources
-- Undeclared: the hashes of uids that are assigned already

local uids = {}
for i = 1, #KEYS / 2 do
  local name, hash, uid = KEYS[2 * i - 1], KEYS[2 * i], ARGV[3 * i - 2]
  uids[i] = redis.call('GET', name)
  if uids[i] then
    local known = string.sub(hash, 1, #hash - #uid) .. uids[i]
    if redis.call('HEXISTS', known, 'identifier') == 0 then  -- as after a reset while others write
      redis.call('HSET', known, 'identifier', ARGV[3 * i - 1], 'object_id', ARGV[3 * i])
    end
  elseif redis.call('HEXISTS', hash, 'identifier') == 0 then
    redis.call('SET', name, uid)
    redis.call('HSET', hash, 'identifier', ARGV[3 * i - 1], 'object_id', ARGV[3 * i])
    uids[i] = uid
  end
end
return uids
