-- The names of resources: which uid belongs to which.
--
-- Reads:   KEYS[1], the highest uid; KEYS[2], what says that the model is there.
-- Defines: lose(reason), which says that the model is lost, and answers the error; keep_name(names, uid, identifier,
--          object_id), which stores a name that is not known yet, and answers the error if the resource has another
--          uid. names is the beginning of the keys of names ('<prefix>uid:').

-- include lost
-- include highest_uid

local function lose(reason)
  redis.call('UNLINK', KEYS[2])
  return lost(reason)
end

local function keep_name(names, uid, identifier, object_id)
  local name = names .. identifier .. ':' .. object_id
  local last = redis.call('GET', name)
  if last and last ~= uid then return lose('a resource has uid ' .. last .. ' instead of ' .. uid) end
  if not last then redis.call('SET', name, uid) end
  redis.call('HSET', names .. ':' .. uid, 'identifier', identifier, 'object_id', object_id)
  keep_highest(uid)
end
