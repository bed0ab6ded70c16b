-- Finds keys whose type, or whose content, is not that of their names; removes them, or what does not belong there, if
-- that is wanted.
--
-- KEYS:       1 the last token, then the keys
-- ARGV:       1 '1' to remove what is wrong; then the type of each key: 'hash', 'zset', 'string', or 'number', a string
--             of digits; behind 'hash', the fields that it may have, if there are no others
-- Answer:     the positions of those that are wrong, from 0, and what they are, in turn
-- Cost:       O(n) for n keys, and 1,000 fields of each hash that may have only some
-- Undeclared: none

local last = redis.pcall('GET', KEYS[1])
last = type(last) == 'string' and tonumber(last) or math.huge

-- Whether nobody has drawn a token: then it would refuse all writers.
local function is_of_nobody(token)
  return not string.match(token, '^%d+$') or tonumber(token) > last
end

-- The fields of a hash that do not belong there: of one with thousands, the first ones.
local function others(key, fields)
  local may, found = {}, {}
  for field in string.gmatch(fields, '%S+') do may[field] = true end
  if not next(may) then return found end
  local scanned = redis.call('HSCAN', key, 0, 'COUNT', 1000)[2]
  for i = 1, #scanned, 2 do
    local field = scanned[i]
    if not may[field] or field == 'token' and is_of_nobody(scanned[i + 1]) then found[#found + 1] = field end
  end
  return found
end

local wrong = {}
for i = 2, #KEYS do
  local key, found, wanted, fields = KEYS[i], redis.call('TYPE', KEYS[i]).ok, string.match(ARGV[i], '^(%S+) ?(.*)$')
  local is_right = found == wanted or found == 'none'
  if wanted == 'number' and found == 'string' then is_right = string.match(redis.call('GET', key), '^%d+$') end
  if not is_right then
    wrong[#wrong + 1], wrong[#wrong + 2] = i - 2, found
    if ARGV[1] == '1' then redis.call('UNLINK', key) end
  elseif found == 'hash' then
    local foreign = others(key, fields)
    if #foreign > 0 then
      wrong[#wrong + 1], wrong[#wrong + 2] = i - 2, 'field ' .. foreign[1]
      if ARGV[1] == '1' then redis.call('HDEL', key, unpack(foreign)) end
    end
  end
end
return wrong
