-- Draws a fencing token for a writer that has locked what it is going to write about, and notes the last event that the
-- writers of this log have seen. Nobody has a larger token, so it is left where earlier writers shall be refused.
--
-- KEYS:       1 the last token, 2 the note about the log; then the hashes of locked resources that are fenced
-- ARGV:       1 the identity of the writer's log, 2 the last event that the writer has in hand, '0' for none
-- Answer:     the token; and the identity and the last event that were noted before, '' for none. They stay as they
--             are if the identity is another one.
-- Cost:       O(n) for n fenced resources
-- Undeclared: none

-- include next_token

local noted = redis.pcall('HMGET', KEYS[2], 'id', 'event')  -- no note, if it is of another type
if noted[1] == ARGV[1] and tonumber(ARGV[2]) > tonumber(noted[2] or 0) then
  redis.call('HSET', KEYS[2], 'event', ARGV[2])
end
local token = next_token()
for i = 3, #KEYS do redis.call('HSET', KEYS[i], 'token', token) end
return {token, noted[1] or '', noted[2] or ''}
