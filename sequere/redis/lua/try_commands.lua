-- Tries the commands that scripts use, and those that are sent alone, in ways that change nothing.
--
-- KEYS:       1 a key that is not there
-- ARGV:       none
-- Answer:     the names of the commands that the user may not use, or not with this key
-- Cost:       O(1)
-- Undeclared: none

local key, denied = KEYS[1], {}
local commands = {
  {'COPY', key, key}, {'DEL', key}, {'EXISTS', key}, {'EXPIRE', key, '1'}, {'GET', key}, {'HDEL', key, 'f'},
  {'HEXISTS', key, 'f'}, {'HGET', key, 'f'}, {'HMGET', key, 'f'}, {'HSCAN', key, '0'}, {'HSET', key, 'f', 'v', 'f'},
  {'INCRBY', key, 'one'}, {'INFO', 'replication'}, {'MGET', key}, {'OBJECT', 'ENCODING', key}, {'PERSIST', key},
  {'SCAN', '0', 'COUNT', '1'},
  {'SET', key, 'v', 'NX', 'XX'}, {'SETRANGE', key, '0', ''}, {'TIME'}, {'TYPE', key}, {'UNLINK', key},
  {'ZADD', key, 'one', 'm'}, {'ZCARD', key}, {'ZCOUNT', key, '0', '1'}, {'ZINTERCARD', '1', key},
  {'ZINTERSTORE', key, '1', key}, {'ZMSCORE', key, 'm'}, {'ZRANGE', key, '0', '0'},
  {'ZRANGEBYSCORE', key, '0', '1'}, {'ZRANK', key, 'm'}, {'ZREM', key, 'm'}, {'ZREMRANGEBYRANK', key, '0', '0'},
  {'ZREMRANGEBYSCORE', key, '0', '1'}, {'ZREVRANGE', key, '0', '0'}, {'ZREVRANGEBYSCORE', key, '1', '0'},
  {'ZREVRANK', key, 'm'}, {'ZSCAN', key, '0'}, {'ZSCORE', key, 'm'},
}
for _, command in ipairs(commands) do
  local answer = redis.pcall(unpack(command))
  local error = type(answer) == 'table' and answer.err
  -- Redis 7.0 says "can't run this command" and "can't access", others "ACL failure".
  if error and (string.find(error, 'ACL', 1, true) or string.find(error, "can't", 1, true)) then
    denied[#denied + 1] = command[1]
  end
end
return denied
