-- Draws the next token: one more than the last, and never less than the server's clock in microseconds. So a server
-- that was emptied, or has taken over from one with more tokens, goes on above all tokens that writers may have. (A
-- hybrid logical clock: Kulkarni et al., 2014.)
--
-- Reads:   KEYS[1], the last token.
-- Defines: next_token(), which answers it as text.

local function next_token()
  local clock = redis.call('TIME')
  local now = clock[1] * 1000000 + clock[2]
  local last = redis.pcall('GET', KEYS[1])
  local drawn = type(last) == 'string' and tonumber(last) or 0  -- whatever somebody else has put there
  local token = string.format('%.0f', math.max(drawn + 1, now))
  redis.call('SET', KEYS[1], token)
  return token
end
