-- The error that says that what is stored belongs to another log. fencing.LOST is its first word.
--
-- Defines: lost(reason); is_another(known, identifier, object_id), whether a name is there and is not this one.

local function lost(reason)
  return redis.error_reply('SEQUERE-LOST ' .. reason)
end

local function is_another(known, identifier, object_id)
  return known[1] and (known[1] ~= identifier or known[2] ~= object_id)
end
