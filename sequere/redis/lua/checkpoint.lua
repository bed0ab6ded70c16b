-- Draws a token, and remembers it: the server has all that was written before.
--
-- KEYS:       1 the last token, 2 the note about the log
-- ARGV:       1 the identity of what the server holds, as the caller knows it
-- Answer:     the token; false if the identity is another one
-- Cost:       O(1)
-- Undeclared: none

-- include identity
-- include next_token

if identity() ~= ARGV[1] then return false end
local token = next_token()
redis.call('HSET', KEYS[2], 'checkpoint', token)
return token
