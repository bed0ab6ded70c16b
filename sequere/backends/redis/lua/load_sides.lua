-- Loads many sides of live follows into a lost model: the same as write_side.lua, for resources of which nothing is
-- stored yet. The followers of a resource come before its followings, so the friends are derived with the followings.
--
-- KEYS:       1 the mark of the rebuild, 2 the note about the log
-- ARGV:       1 the token of the rebuild; 2 seconds for which the mark stays from now on; 3 the beginning of the keys
--             of names ('<prefix>uid:'); 4 that of the keys of a graph, which may have its number before 'uid:'; 5 '1'
--             if the server was empty before; 6 the last event that a writer could see while it held locks, '' for one
--             without; then, for each part of a side, the uid of the
--             resource, 'followers' or 'followings', the kind, and the scores and uids in one text
-- Answer:     the uids of resources around which another process has written: with a larger token, or, if the server
--             was empty before, with any other one, or without locks what this one has not seen. These are not loaded.
--             False if the mark is gone.
-- Cost:       O(n log m) for n members and sets of m members; 1 intersection of the sets of a resource per part
-- Undeclared: the hashes, sets and counts of all resources given by their uids

if redis.call('EXPIRE', KEYS[1], ARGV[2]) == 0 then return false end

-- include is_later

local refused = {}

local function is_ours(uid)
  local hash = ARGV[3] .. ':' .. uid
  local token, direct = unpack(redis.call('HMGET', hash, 'token', 'direct'))
  if token == ARGV[1] then return true end
  local is_overtaken = token and (ARGV[5] == '1' or tonumber(token) > tonumber(ARGV[1]))
  if is_overtaken or ARGV[6] ~= '' and is_later(KEYS[2], direct, ARGV[6]) then
    refused[#refused + 1] = uid
    return false
  end
  redis.call('HSET', hash, 'token', ARGV[1])
  return true
end

local function count(set)
  redis.call('SET', set .. ':count', redis.call('ZCARD', set))
end

local function befriend(stem, suffix)
  local friends, sides = stem .. 'friends' .. suffix, {stem .. 'followers' .. suffix, stem .. 'followings' .. suffix}
  if redis.call('EXISTS', unpack(sides)) < 2 then return 0 end
  local number = redis.call('ZINTERSTORE', friends, 2, sides[1], sides[2], 'AGGREGATE', 'MAX')
  if number > 0 then redis.call('SET', friends .. ':count', number) end
  return number
end

local before, may = nil, false
for i = 7, #ARGV, 4 do
  local uid, what, kind = ARGV[i], ARGV[i + 1], ':' .. ARGV[i + 2]
  if uid ~= before then before, may = uid, is_ours(uid) end
  if may then
    local stem, members = ARGV[4] .. uid .. ':', {}
    for part in string.gmatch(ARGV[i + 3], '%S+') do members[#members + 1] = part end
    local set = stem .. what
    redis.call('ZADD', set .. kind, unpack(members))
    if redis.call('EXISTS', set) == 1 then
      redis.call('ZADD', set, unpack(members))
    else
      redis.call('COPY', set .. kind, set)
    end
    count(set .. kind)
    count(set)
    if what == 'followings' and befriend(stem, '') > 0 then befriend(stem, kind) end
  end
end
return refused
