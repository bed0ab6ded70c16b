-- The error that refuses a writer. fencing.STALE is its first word.
--
-- Defines: stale(reason), is_overtaken(last, token).

local function stale(reason)
  return redis.error_reply('SEQUERE-STALE ' .. reason)
end

-- Whether the last writer, if there was one, had a larger token. A double is exact enough to compare tokens. What is no
-- number is nobody's.
local function is_overtaken(last, token)
  local number = last and tonumber(last)
  return number and number > tonumber(token)
end
