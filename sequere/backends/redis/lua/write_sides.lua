-- Stores follows on some of their sides; each is that of one resource with resources of one kind. A count changes by
-- what ZADD and ZREM report about its own set, so it cannot drift. The friends are decided from the sets of the same
-- resource alone.
--
-- KEYS:       1 the highest uid, 2 what says that the model is there
-- ARGV:       1 the token of the writer; 2 the beginning of the keys of names ('<prefix>uid:'); 3 that of the keys of a
--             graph, which may have its number before 'uid:'; then, for each side, the uid, identifier and object id of
--             the resource, 'followers' or 'followings', the kind of the others, the number of follows, and these: the
--             uid of the other resource, and the score, '' if the follow is over. A score stays a text: as a number of
--             Lua it would lose its last digits.
-- Answer:     none; an error if the token is refused, or if uid and name of a resource belong to others: then the whole
--             model counts as lost, since a rebuild must not wait for the writer. The sides before it are stored.
-- Cost:       O(n log m) for n follows and sets of m members
-- Undeclared: the names, hashes, sets and counts of all resources given by their uids

-- include stale
-- include lost
-- include highest_uid

local call, token, names, stem = redis.call, ARGV[1], ARGV[2], ARGV[3]
local opposite = {followers = 'followings', followings = 'followers'}

local function move(set, by)
  if by ~= 0 and call('INCRBY', set .. ':count', by) == 0 then call('DEL', set .. ':count') end
end

-- Answers how many were not there before.
local function put(set, kind, members)
  if #members == 0 then return 0 end
  local added = call('ZADD', set, unpack(members))
  move(set, added)
  move(set .. kind, call('ZADD', set .. kind, unpack(members)))
  return added
end

local function take(set, kind, members)
  if #members == 0 then return end
  move(set, -call('ZREM', set, unpack(members)))
  move(set .. kind, -call('ZREM', set .. kind, unpack(members)))
end

local function lose(reason)
  call('UNLINK', KEYS[2])
  return lost(reason)
end

-- Whether a resource has this uid, and this writer may write about it; if not, the error.
local function refusal(uid, identifier, object_id)
  local hash, name = names .. ':' .. uid, names .. identifier .. ':' .. object_id
  local known = call('HMGET', hash, 'identifier', 'object_id', 'token')
  if is_another(known, identifier, object_id) then return lose('uid ' .. uid .. ' belongs to another resource') end
  if is_overtaken(known[3], token) then return stale('another process has written since') end
  if not known[1] then
    local last = call('GET', name)
    if last and last ~= uid then return lose('a resource has uid ' .. last .. ' instead of ' .. uid) end
    if not last then call('SET', name, uid) end
    call('HSET', hash, 'token', token, 'identifier', identifier, 'object_id', object_id)
    keep_highest(uid)
  elseif known[3] ~= token then
    call('HSET', hash, 'token', token)
  end
end

local at = 4
while at < #ARGV do
  local uid, identifier, object_id, what, kind, number = unpack(ARGV, at, at + 5)
  local last = at + 5 + 2 * number
  kind = ':' .. kind
  local error = refusal(uid, identifier, object_id)
  if error then return error end
  local set, friends = stem .. uid .. ':' .. what, stem .. uid .. ':friends'
  local gone, there, scored = {}, {}, {}
  for i = at + 6, last, 2 do
    if ARGV[i + 1] == '' then
      gone[#gone + 1] = ARGV[i]
    else
      there[#there + 1] = ARGV[i]
      scored[#scored + 1] = ARGV[i + 1]
      scored[#scored + 1] = ARGV[i]
    end
  end
  local added = put(set, kind, scored)
  take(set, kind, gone)

  local both = {}
  if #there > 0 then
    local back = call('ZMSCORE', stem .. uid .. ':' .. opposite[what], unpack(there))
    for i, member in ipairs(there) do
      if back[i] then
        local score = scored[2 * i - 1]
        both[#both + 1] = tonumber(back[i]) > tonumber(score) and back[i] or score
        both[#both + 1] = member
      elseif added < #there then  -- otherwise all are new, and none is among the friends
        gone[#gone + 1] = member
      end
    end
  end
  put(friends, kind, both)
  if #gone > 0 and call('EXISTS', friends, friends .. kind) > 0 then take(friends, kind, gone) end
  at = last + 1
end
