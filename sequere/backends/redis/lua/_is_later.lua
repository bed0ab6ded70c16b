-- Whether an event was applied to a resource without locks that was recorded later than others. A later one than all
-- that any writer has noted is somebody else's doing.
--
-- Reads:   KEYS[3], the note about the log.
-- Defines: is_later(direct, event), of the last event that was applied without locks, and of another one.

local function is_later(direct, event)
  local number = direct and tonumber(direct)
  if not number or number <= tonumber(event) then return false end
  local noted = redis.pcall('HGET', KEYS[3], 'event')
  return type(noted) == 'string' and number <= (tonumber(noted) or 0)
end
