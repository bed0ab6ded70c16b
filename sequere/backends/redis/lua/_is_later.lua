-- Whether an event was applied to a resource without locks that was recorded later than others. A later one than all
-- that any writer has noted is somebody else's doing.
--
-- Defines: is_later(note, direct, event), of the key of the note about the log, the last event that was applied without
--          locks, and another one.

local function is_later(note, direct, event)
  local number = direct and tonumber(direct)
  if not number or number <= tonumber(event) then return false end
  local noted = redis.pcall('HGET', note, 'event')
  return type(noted) == 'string' and number <= (tonumber(noted) or 0)
end
