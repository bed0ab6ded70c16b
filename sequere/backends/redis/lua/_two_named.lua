-- Finds the sets of two resources, and makes sure that they are theirs, as _named.lua does for one.
--
-- Reads:   KEYS[1], KEYS[2], the names of the resources; ARGV[1], the beginning of the keys of names ('<prefix>uid:');
--          ARGV[2] to ARGV[4] and ARGV[5] to ARGV[7], identifier and object id of each, and the key of its set, behind
--          the uid; ARGV[8], the beginning of the keys of sets.
-- Defines: sets, the keys of both; shorter than two if the server does not know one of them.

-- include lost

local sets = {}
for i = 1, 2 do
  local uid = redis.call('GET', KEYS[i])
  if uid then
    local known = redis.call('HMGET', ARGV[1] .. ':' .. uid, 'identifier', 'object_id')
    if is_another(known, ARGV[3 * i - 1], ARGV[3 * i]) then
      return lost('uid ' .. uid .. ' belongs to another resource')
    end
    sets[#sets + 1] = ARGV[8] .. uid .. ARGV[3 * i + 1]
  end
end
