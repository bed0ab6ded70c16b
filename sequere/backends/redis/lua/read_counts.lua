-- Reads the counts of resources.
--
-- KEYS:       their names
-- ARGV:       1 the beginning of the keys of names ('<prefix>uid:'), 2 that of the keys of counts; 3 to 5 the keys of
--             three counts, behind the uid; then identifier and object id of each resource
-- Answer:     three counts for each resource, false for none; an error if the uid of one belongs to another one
-- Cost:       O(n) for n resources
-- Undeclared: the counts, and the hashes of the uids

-- include lost

local found = {}
for i, name in ipairs(KEYS) do
  local uid = redis.call('GET', name)
  if uid then
    local known = redis.call('HMGET', ARGV[1] .. ':' .. uid, 'identifier', 'object_id')
    if is_another(known, ARGV[2 * i + 4], ARGV[2 * i + 5]) then
      return lost('uid ' .. uid .. ' belongs to another resource')
    end
  end
  local stem = ARGV[2] .. (uid or '')
  local counts = uid and redis.call('MGET', stem .. ARGV[3], stem .. ARGV[4], stem .. ARGV[5]) or {}
  for n = 1, 3 do found[3 * i - 3 + n] = counts[n] or false end
end
return found
