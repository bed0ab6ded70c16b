-- Ends a rebuild: removes its mark, says that the model is there, and makes a checkpoint, as checkpoint.lua does.
--
-- KEYS:       1 the last token, 2 the note about the log, 3 the mark of the rebuild, 4 what says that the model is
--             there
-- ARGV:       1 the identity of what the server held when the rebuild began; 2 the last event in the log: what was
--             recorded before, nobody applies without locks any more
-- Answer:     the token of the checkpoint; false if the server was emptied since the rebuild began, so that the mark is
--             missing, or if it has come back with another identity. If the answer to the first call was lost, the
--             second one answers a token as well.
-- Cost:       O(1)
-- Undeclared: none

-- include identity
-- include next_token

if identity() ~= ARGV[1] then return false end
if redis.call('UNLINK', KEYS[3]) == 0 and redis.call('EXISTS', KEYS[4]) == 0 then return false end
redis.call('SET', KEYS[4], 1)
local token = next_token()
redis.call('HSET', KEYS[2], 'checkpoint', token, 'floor', ARGV[2])
return token
