-- The error that refuses a writer. fencing.STALE is its first word.
--
-- Defines: stale(reason), is_overtaken(last, token).

local function stale(reason)
  return redis.error_reply('SEQUERE-STALE ' .. reason)
end

-- Whether the last writer, if there was one, had a larger token. A double is exact enough to compare tokens.
local function is_overtaken(last, token)
  return last and tonumber(last) > tonumber(token)
end
