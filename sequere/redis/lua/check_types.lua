-- Finds keys whose type, or whose content, is not that of their names; removes them, or what does not belong there, if
-- that is wanted.
--
-- KEYS:       the keys
-- ARGV:       1 '1' to remove what is wrong; then the type of each key: 'hash', 'zset', 'string', or 'number', a string
--             of digits; behind 'hash', the fields that it may have, if there are no others
-- Answer:     the positions of those that are wrong, from 0, and what they are, in turn
-- Cost:       O(n) for n keys, and the fields of hashes that may have only some
-- Undeclared: none

-- The fields of a hash that do not belong there.
local function others(key, fields)
  local may, found = {}, {}
  for field in string.gmatch(fields, '%S+') do may[field] = true end
  if not next(may) then return found end
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if not may[field] then found[#found + 1] = field end
  end
  return found
end

local wrong = {}
for i, key in ipairs(KEYS) do
  local found, wanted, fields = redis.call('TYPE', key).ok, string.match(ARGV[i + 1], '^(%S+) ?(.*)$')
  local is_right = found == wanted or found == 'none'
  if wanted == 'number' and found == 'string' then is_right = string.match(redis.call('GET', key), '^%d+$') end
  if not is_right then
    wrong[#wrong + 1], wrong[#wrong + 2] = i - 1, found
    if ARGV[1] == '1' then redis.call('UNLINK', key) end
  elseif found == 'hash' then
    local foreign = others(key, fields)
    if #foreign > 0 then
      wrong[#wrong + 1], wrong[#wrong + 2] = i - 1, 'field ' .. foreign[1]
      if ARGV[1] == '1' then redis.call('HDEL', key, unpack(foreign)) end
    end
  end
end
return wrong
