-- Stores a follow as the event says that has just begun or ended it, without locks: unless something was written
-- about one of its ends that may have been recorded later. Writers with locks say what they have seen of the log. Those
-- without are in the way of each other only if they have the same follower: otherwise they write about other follows.
--
-- KEYS:       1 the highest uid, 2 what says that the model is there, 3 the note about the log
-- ARGV:       1 the event; 2 the identity of the writer's log; 3 the beginning of the keys of names ('<prefix>uid:');
--             4 that of the keys of a graph; then both sides, as _store_side.lua reads them, first that of the follower
-- Answer:     1, 0 if nothing was written, also if the event is not above the floor in the note; and what look()
--             answers before. An error if uid and name of a resource belong to others: then the whole model counts as
--             lost.
-- Cost:       O(log m) for sets of m members
-- Undeclared: the names, hashes, sets and counts of both resources

-- include look
-- include names
-- include is_later
-- include store_side

local event, names, stem = ARGV[1], ARGV[3], ARGV[4]
local found = look(KEYS[2], KEYS[3])
local is_built, log, noted = unpack(found)
local floor = redis.pcall('HGET', KEYS[3], 'floor')  -- of what a rebuild has loaded; all events, while it loads
if is_built == 0 or log ~= ARGV[2] or floor and tonumber(event) <= (tonumber(floor) or math.huge) then
  return {0, unpack(found)}
end

local ends = {{unpack(ARGV, 5, 7)}, {unpack(ARGV, 13, 15)}}
for i, one in ipairs(ends) do
  local uid, identifier, object_id = unpack(one)
  local known = call('HMGET', names .. ':' .. uid, 'identifier', 'object_id', 'seen', 'direct')
  if is_another(known, identifier, object_id) then return lose('uid ' .. uid .. ' belongs to another resource') end
  local was_seen = known[3] and (tonumber(known[3]) or math.huge) >= tonumber(event)
  if was_seen or i == 1 and is_later(KEYS[3], known[4], event) then return {0, unpack(found)} end
  one.is_known, one.direct = known[1], known[4]
end
for _, one in ipairs(ends) do
  local uid, identifier, object_id = unpack(one)
  if not one.is_known then
    local error = keep_name(names, uid, identifier, object_id)
    if error then return error end
  end
  if not is_later(KEYS[3], one.direct, event) then
    call('HSET', names .. ':' .. uid, 'direct', event)
  end
end
store_side(store_side(5, stem), stem)
if tonumber(event) > (tonumber(noted) or 0) then call('HSET', KEYS[3], 'event', event) end
return {1, unpack(found)}
