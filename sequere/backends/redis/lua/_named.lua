-- Finds the uid of a resource, and makes sure that the hash of the uid does not name another one: then both were handed
-- out by different databases, or the server has lost some keys.
--
-- Reads:   KEYS[1], the name of the resource; ARGV[1], the beginning of the keys of names ('<prefix>uid:'); ARGV[2] and
--          ARGV[3], identifier and object id of the resource; ARGV[4], the beginning of the keys of sets, the same with
--          the graph ('<prefix>g<number>:uid:').
-- Defines: uid, false if the server does not know the resource; stem, the beginning of its sets.

-- include lost

local uid = redis.call('GET', KEYS[1])
if uid and is_another(redis.call('HMGET', ARGV[1] .. ':' .. uid, 'identifier', 'object_id'), ARGV[2], ARGV[3]) then
  return lost('uid ' .. uid .. ' belongs to another resource')
end
local stem = uid and ARGV[4] .. uid
