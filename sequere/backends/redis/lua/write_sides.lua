-- Stores follows on some of their sides; each is that of one resource with resources of one kind.
--
-- KEYS:       1 the highest uid, 2 what says that the model is there, 3 the note about the log
-- ARGV:       1 the token of the writer; 2 the last event that it could see while it held its locks; 3 the beginning of
--             the keys of names ('<prefix>uid:'); 4 that of the keys of a graph; then the sides, as _store_side.lua
--             reads them
-- Answer:     none; an error if the token is refused, or if uid and name of a resource belong to others: then the whole
--             model counts as lost, since a rebuild must not wait for the writer. The sides before it are stored.
-- Cost:       O(n log m) for n follows and sets of m members
-- Undeclared: the names, hashes, sets and counts of all resources given by their uids

-- include stale
-- include names
-- include is_later
-- include store_side

local token, seen, names, stem = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

-- Whether a resource has this uid, and this writer may write about it; if not, the error.
local function refusal(uid, identifier, object_id)
  local hash = names .. ':' .. uid
  local known = call('HMGET', hash, 'identifier', 'object_id', 'token', 'direct')
  if is_another(known, identifier, object_id) then return lose('uid ' .. uid .. ' belongs to another resource') end
  if is_overtaken(known[3], token) or is_later(KEYS[3], known[4], seen) then
    return stale('another process has written since')
  end
  if not known[1] then
    local error = keep_name(names, uid, identifier, object_id)
    if error then return error end
  end
  if known[3] ~= token then call('HSET', hash, 'token', token, 'seen', seen) end
end

local at = 5
while at < #ARGV do
  local uid, identifier, object_id = unpack(ARGV, at, at + 2)
  local error = refusal(uid, identifier, object_id)
  if error then return error end
  at = store_side(at, stem)
end
