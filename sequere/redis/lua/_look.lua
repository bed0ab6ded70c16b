-- What a server holds.
--
-- Defines: look(built, note), which answers 1 if the model is there, else 0; the identity of the log and the last event
--          that were noted, and the token of the last checkpoint, '' for none; and the identity of what the server
--          holds. built is the key that says that the model is there, note that of the note about the log.

-- include identity

local function look(built, note)
  local noted = redis.pcall('HMGET', note, 'id', 'event', 'checkpoint')  -- no note, if it is of another type
  return {redis.call('EXISTS', built), noted[1] or '', noted[2] or '', noted[3] or '', identity()}
end
