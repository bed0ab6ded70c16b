-- Says what a server holds, before anything that is read with it is believed.
--
-- KEYS:       1 what says that the model is there, 2 the note about the log
-- ARGV:       none
-- Answer:     1 if the model is there, else 0; the identity of the log and the last event that were noted, and the
--             token of the last checkpoint, '' for none; and the identity of what the server holds
-- Cost:       O(1)
-- Undeclared: none

-- include identity

local noted = redis.pcall('HMGET', KEYS[2], 'id', 'event', 'checkpoint')  -- no note, if it is of another type
return {redis.call('EXISTS', KEYS[1]), noted[1] or '', noted[2] or '', noted[3] or '', identity()}
