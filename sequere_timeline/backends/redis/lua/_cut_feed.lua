-- Cuts a private feed with more than `cap + slack` entries: it keeps the `cap` newest ones, and the empty member gets
-- the score of the oldest of them. A cap of 0 means no cap.
--
-- Defines: cut(key, cap, slack).

local function cut(key, cap, slack)
  if cap == 0 or redis.call('ZCARD', key) <= cap + slack + 1 or redis.call('ZREM', key, '') == 0 then return end
  redis.call('ZREMRANGEBYRANK', key, 0, -cap - 1)
  redis.call('ZADD', key, redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2], '')
end
