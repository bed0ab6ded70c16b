-- Keeps the highest uid that the server knows.
--
-- Reads:   KEYS[1], the highest uid.
-- Defines: keep_highest(uid).

local function keep_highest(uid)
  local highest = redis.pcall('GET', KEYS[1])
  if tonumber(uid) > (type(highest) == 'string' and tonumber(highest) or 0) then redis.call('SET', KEYS[1], uid) end
end
