-- Finds the uid of a resource, and makes sure that the hash of the uid names it: otherwise both were handed out by
-- different databases, or the server has lost some keys. The same if a set is not as large as its count says.
--
-- Reads:   KEYS[1], the name of the resource; ARGV[1], the beginning of the keys of names ('<prefix>uid:'); ARGV[2] and
--          ARGV[3], identifier and object id of the resource; ARGV[4], the beginning of the keys of sets, the same with
--          the graph ('<prefix>g<number>:uid:').
-- Defines: uid, false if the server does not know the resource; stem, the beginning of its sets;
--          misses(set), the error if a set is not complete.

-- include lost

local uid = redis.call('GET', KEYS[1])
if uid then
  local known = redis.call('HMGET', ARGV[1] .. ':' .. uid, 'identifier', 'object_id')
  if not known[1] or is_another(known, ARGV[2], ARGV[3]) then
    return lost('uid ' .. uid .. ' belongs to another resource, or to none')
  end
end

local function misses(set)
  if (tonumber(redis.call('GET', set .. ':count')) or 0) ~= redis.call('ZCARD', set) then
    return lost(set .. ' is not as large as its count says')
  end
end
local stem = uid and ARGV[4] .. uid
