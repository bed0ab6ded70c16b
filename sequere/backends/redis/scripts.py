"""What happens on the server in one step each.

A score is passed on as the text that it is: as a number of Lua it would lose its last digits on the way.
"""

from sequere.redis.connection import STALE, Script

# KEYS: Keys.side(). ARGV: the number of the writer, the identifier and the object id of the resource on this side; then
# for each follow the uid of the other resource, and its score, or nothing if the follow is over. The counts move by
# what ZADD and ZREM report, each by that of its own set, so they cannot drift; who is a friend is decided from the sets
# of this side alone.
WRITE = Script(
    f"""
local uid = redis.call('GET', KEYS[11])
if not uid or KEYS[1]:sub(-#uid - 1) ~= ':' .. uid then
  return redis.error_reply('{STALE} the resource has another uid by now')
end
local known = redis.call('HMGET', KEYS[1], 'token', 'identifier', 'object_id')
if known[1] and tonumber(known[1]) > tonumber(ARGV[1]) then
  return redis.error_reply('{STALE} somebody else has written since')
end
if known[1] ~= ARGV[1] then redis.call('HSET', KEYS[1], 'token', ARGV[1]) end
if known[2] ~= ARGV[2] or known[3] ~= ARGV[3] then
  redis.call('HSET', KEYS[1], 'identifier', ARGV[2], 'object_id', ARGV[3])
end

local function move(count, by)
  if by ~= 0 and redis.call('INCRBY', count, by) == 0 then redis.call('DEL', count) end
end
local function put(set, count, members)
  if #members > 0 then move(count, redis.call('ZADD', set, unpack(members))) end
end
local function take(set, count, members)
  if #members > 0 then move(count, -redis.call('ZREM', set, unpack(members))) end
end

local gone, there, scored = {{}}, {{}}, {{}}
for i = 4, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    gone[#gone + 1] = ARGV[i]
  else
    there[#there + 1] = ARGV[i]
    scored[#scored + 1] = ARGV[i + 1]
    scored[#scored + 1] = ARGV[i]
  end
end
put(KEYS[2], KEYS[4], scored)
put(KEYS[3], KEYS[5], scored)
take(KEYS[2], KEYS[4], gone)
take(KEYS[3], KEYS[5], gone)

local friends = {{}}
if #there > 0 then
  local back = redis.call('ZMSCORE', KEYS[6], unpack(there))
  for i, member in ipairs(there) do
    if back[i] then
      local score = scored[2 * i - 1]
      friends[#friends + 1] = tonumber(back[i]) > tonumber(score) and back[i] or score
      friends[#friends + 1] = member
    else
      gone[#gone + 1] = member
    end
  end
end
put(KEYS[7], KEYS[9], friends)
put(KEYS[8], KEYS[10], friends)
if #gone > 0 and redis.call('EXISTS', KEYS[7], KEYS[8]) > 0 then
  take(KEYS[7], KEYS[9], gone)
  take(KEYS[8], KEYS[10], gone)
end
"""
)

# What WRITE makes, for many follows of resources of which there is nothing yet. KEYS: the mark of the load. ARGV: the
# number of the writer, for how long the mark lives on, what the other keys begin with, 1 if the server was empty
# before; then, again and again, the uid of a resource, a set, a kind, and scores and uids of that kind in one text.
# Answers the uids of resources around which somebody else has written since, or, if there was nothing before, at all;
# nothing if the mark is gone. Whoever gives followers of a resource gives them before its followings, and so the
# friends are made when there are followings.
LOAD = Script(
    """
if redis.call('EXPIRE', KEYS[1], ARGV[2]) == 0 then return false end

local refused = {}
local function is_ours(uid)
  local hash = ARGV[3] .. ':' .. uid
  local token = redis.call('HGET', hash, 'token')
  if token == ARGV[1] then return true end
  if token and (ARGV[4] == '1' or tonumber(token) > tonumber(ARGV[1])) then
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
for i = 5, #ARGV, 4 do
  local uid, what, kind = ARGV[i], ARGV[i + 1], ':' .. ARGV[i + 2]
  if uid ~= before then before, may = uid, is_ours(uid) end
  if may then
    local stem, members = ARGV[3] .. uid .. ':', {}
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
"""
)

# KEYS and ARGV as for WRITE, without the number of the writer. Answers what WRITE would change: for each follow the
# uid, the scores in the two sets and the two sets of friends, and that which the friends should have; first of all,
# with an empty uid, the name of the resource if it is another one.
COMPARE = Script(
    """
local wrong = {}
local known = redis.call('HMGET', KEYS[1], 'identifier', 'object_id')
if known[1] ~= ARGV[1] or known[2] ~= ARGV[2] then wrong[1] = {'', known[1] or '', known[2] or ''} end

local members = {}
for i = 3, #ARGV, 2 do members[#members + 1] = ARGV[i] end
local function scores(set) return redis.call('ZMSCORE', set, unpack(members)) end
local all, kind, back = scores(KEYS[2]), scores(KEYS[3]), scores(KEYS[6])
local friends, friends_kind = scores(KEYS[7]), scores(KEYS[8])
for i, member in ipairs(members) do
  local score = tonumber(ARGV[2 * i + 2])
  local friend = score and back[i] and math.max(score, tonumber(back[i])) or nil
  if tonumber(all[i] or '') ~= score or tonumber(kind[i] or '') ~= score
      or tonumber(friends[i] or '') ~= friend or tonumber(friends_kind[i] or '') ~= friend then
    local wanted = friend and string.format('%.0f', friend) or ''
    wrong[#wrong + 1] = {member, all[i] or '', kind[i] or '', friends[i] or '', friends_kind[i] or '', wanted}
  end
end
return wrong
"""
)

# ARGV: what the keys begin with; then, again and again, the uid of a resource, a set, a kind, a position, a number of
# members from there on, and the SHA-1 of these with their scores. Answers the uids where that is another one, or where
# the members have another score in the set of all kinds.
DIGEST = Script(
    """
local wrong = {}
for i = 2, #ARGV, 6 do
  local uid, first, number = ARGV[i], tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
  local all = ARGV[1] .. uid .. ':' .. ARGV[i + 1]
  local found = redis.call('ZRANGE', all .. ':' .. ARGV[i + 2], first, first + number - 1, 'WITHSCORES')
  local is_right = redis.sha1hex(table.concat(found, ' ')) == ARGV[i + 5]
  if is_right then
    local members = {}
    for n = 1, #found, 2 do members[#members + 1] = found[n] end
    local scores = redis.call('ZMSCORE', all, unpack(members))
    for n = 1, #members do
      if scores[n] ~= found[2 * n] then is_right = false end
    end
  end
  if not is_right then wrong[#wrong + 1] = uid end
end
return wrong
"""
)

# ARGV: what the keys begin with; a number of kinds, and these; then, for each resource, its uid, identifier and object
# id, and a number of kinds, for each of which it should have so many followers and followings. Answers the uids of
# those whose name, sets or counts have other sizes, or whose friends are not those of its two sets that are in both.
# Where these are too many for one step, they are answered as well.
SUMS = Script(
    """
local kinds, at = {}, 3
for n = 1, tonumber(ARGV[2]) do kinds[n] = ARGV[at]; at = at + 1 end

local function size(set)
  local number = redis.call('ZCARD', set)
  return tonumber(redis.call('GET', set .. ':count') or 0) == number and number or -1
end
local function members(command, ...)
  return table.concat(redis.call(command, ...), ' ')
end
local function are_right(friends, followers, followings, least)
  local number = size(friends)
  if least == 0 then return number == 0 end
  if number < 0 or least > 5000 then return false end
  local both = members('ZINTER', 2, followers, followings, 'AGGREGATE', 'MAX', 'WITHSCORES')
  return both == members('ZRANGE', friends, 0, -1, 'WITHSCORES')
end
local function is_right(uid, identifier, object_id, wanted)
  local known = redis.call('HMGET', ARGV[1] .. ':' .. uid, 'identifier', 'object_id')
  if known[1] ~= identifier or known[2] ~= object_id then return false end
  local stem, nothing, all = ARGV[1] .. uid .. ':', {}, {0, 0}
  local function look_at(kind, numbers)
    local followers, followings = stem .. 'followers' .. kind, stem .. 'followings' .. kind
    local friends = stem .. 'friends' .. kind
    if numbers then
      return size(followers) == numbers[1] and size(followings) == numbers[2]
        and are_right(friends, followers, followings, math.min(numbers[1], numbers[2]))
    end
    for _, set in ipairs({followers, followings, friends}) do
      nothing[#nothing + 1] = set
      nothing[#nothing + 1] = set .. ':count'
    end
    return true
  end
  for _, kind in ipairs(kinds) do
    local numbers = wanted[kind]
    if not look_at(':' .. kind, numbers) then return false end
    if numbers then all = {all[1] + numbers[1], all[2] + numbers[2]} end
  end
  if not look_at('', next(wanted) and all) then return false end
  return #nothing == 0 or redis.call('EXISTS', unpack(nothing)) == 0
end

local wrong = {}
while at < #ARGV do
  local uid, identifier, object_id, number, wanted = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]), {}
  at = at + 4
  for _ = 1, number do
    wanted[ARGV[at]] = {tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])}
    at = at + 3
  end
  if not is_right(uid, identifier, object_id, wanted) then wrong[#wrong + 1] = uid end
end
return wrong
"""
)

# KEYS: for each resource, where its uid is to be, and the hash of a new uid. ARGV: for each the new uid, identifier,
# object id. Answers the uids of the resources, each of which may be that of another writer; nothing where the new one
# is taken.
NAME = Script(
    """
local uids = {}
for i = 1, #KEYS / 2 do
  local name, hash, uid = KEYS[2 * i - 1], KEYS[2 * i], ARGV[3 * i - 2]
  uids[i] = redis.call('GET', name)
  if uids[i] then
    local known = string.sub(hash, 1, #hash - #uid) .. uids[i]
    if redis.call('HEXISTS', known, 'identifier') == 0 then  -- as after a reset while others write
      redis.call('HSET', known, 'identifier', ARGV[3 * i - 1], 'object_id', ARGV[3 * i])
    end
  elseif redis.call('HEXISTS', hash, 'identifier') == 0 then
    redis.call('SET', name, uid)
    redis.call('HSET', hash, 'identifier', ARGV[3 * i - 1], 'object_id', ARGV[3 * i])
    uids[i] = uid
  end
end
return uids
"""
)

# KEYS: where the uid of a resource is. ARGV: what is before the uid in a key, and what is behind it.
COUNT = Script(
    """
local uid = redis.call('GET', KEYS[1])
return uid and redis.call('GET', ARGV[1] .. uid .. ARGV[2]) or 0
"""
)

# KEYS: where the uid of a resource is. ARGV: what is before the uid in a key, and what is behind it; 1 for the last
# ones first; a position, and how many; and, to go on, the score and the uid of the last one that was read, which counts
# instead of the position. Answers uids and scores. Where one was that is gone, or is elsewhere by now, is known: behind
# all with an earlier score, or with the same one and an earlier uid.
PAGE = Script(
    """
local uid = redis.call('GET', KEYS[1])
if not uid then return {} end
local set, desc, first = ARGV[1] .. uid .. ARGV[2], ARGV[3] == '1', tonumber(ARGV[4])
if ARGV[6] then
  local score, member = ARGV[6], ARGV[7]
  if tonumber(redis.call('ZSCORE', set, member) or '') == tonumber(score) then
    first = redis.call(desc and 'ZREVRANK' or 'ZRANK', set, member) + 1
  else
    local earlier = desc and {'(' .. score, '+inf'} or {'-inf', '(' .. score}
    first = redis.call('ZCOUNT', set, unpack(earlier))
    for _, tie in ipairs(redis.call('ZRANGEBYSCORE', set, score, score)) do
      if (tie < member) ~= desc then first = first + 1 end
    end
  end
end
return redis.call(desc and 'ZREVRANGE' or 'ZRANGE', set, first, first + ARGV[5] - 1, 'WITHSCORES')
"""
)

# KEYS: where the uid of a resource is. ARGV: what is before the uid in a key, and what is behind it in that of a set;
# how many members; and, to go on, the uid, and the score and the uid of the last one. Answers the names of the members,
# with a NUL between them, without those of a uid that nobody has any more; and how to go on. Where the last one is gone
# or is elsewhere by now, all with his score come again; where the resource has another uid, all do: the server was
# emptied, and has numbered everything anew. SORT_RO sorts nothing: it finds many names fast. But it makes a skip list
# of a compact set, for good.
WALK = Script(
    """
local uid = redis.call('GET', KEYS[1])
if not uid then return {''} end
local set, hash, first, number = ARGV[1] .. uid .. ARGV[2], ARGV[1] .. ':', 0, tonumber(ARGV[3])
if ARGV[4] == uid then
  local score, member = ARGV[5], ARGV[6]
  if tonumber(redis.call('ZSCORE', set, member) or '') == tonumber(score) then
    first = redis.call('ZRANK', set, member) + 1
  else
    first = redis.call('ZCOUNT', set, '-inf', '(' .. score)
  end
end
local found, names, between = {}, {}, '\\0'
local function all(...)
  return redis.call('SORT_RO', set, 'BY', 'nosort', 'LIMIT', first, number, ...)
end
if redis.call('OBJECT', 'ENCODING', set) == 'skiplist' then
  local object_id, one = hash .. '*->object_id', redis.call('ZRANGE', set, first, first)[1]
  local kind = one and redis.call('HGET', hash .. one, 'identifier')
  if kind and kind ~= 'count' and redis.call('ZCARD', set .. ':' .. kind) == redis.call('ZCARD', set) then
    between = between .. kind .. ':'  -- all are of this kind
    for _, id in ipairs(all('GET', object_id)) do names[#names + 1] = id or nil end
  else
    found = all('GET', hash .. '*->identifier', 'GET', object_id)
  end
else
  for i, member in ipairs(redis.call('ZRANGE', set, first, first + number - 1)) do
    found[2 * i - 1], found[2 * i] = unpack(redis.call('HMGET', hash .. member, 'identifier', 'object_id'))
  end
end
for i = 1, #found, 2 do
  if found[i] and found[i + 1] then names[#names + 1] = found[i] .. ':' .. found[i + 1] end
end
local text = names[1] and between:sub(2) .. table.concat(names, between) or ''
local last = redis.call('ZRANGE', set, first + number - 1, first + number, 'WITHSCORES')
if #last < 4 then return {text} end
return {text, uid, last[2], last[1]}
"""
)

# KEYS: Keys.sets_and_counts(). ARGV: for each kind how many followers and followings there should be. Answers the kinds
# where it is otherwise, by their position from 0; for each the sizes of the three sets, the three counts, and how many
# friends the two sets of followers and followings make.
MEASURE = Script(
    """
local wrong = {}
for i = 1, #KEYS, 6 do
  local followers, followings = redis.call('ZCARD', KEYS[i]), redis.call('ZCARD', KEYS[i + 2])
  local friends, both = redis.call('ZCARD', KEYS[i + 4]), 0
  if followers > 0 and followings > 0 then both = redis.call('ZINTERCARD', 2, KEYS[i], KEYS[i + 2]) end
  local counts = redis.call('MGET', KEYS[i + 1], KEYS[i + 3], KEYS[i + 5])
  for n = 1, 3 do counts[n] = tonumber(counts[n] or 0) or -1 end
  local n = (i - 1) / 3
  if followers ~= tonumber(ARGV[n + 1]) or followings ~= tonumber(ARGV[n + 2]) or friends ~= both
      or counts[1] ~= followers or counts[2] ~= followings or counts[3] ~= friends then
    wrong[#wrong + 1] = {n / 2, followers, followings, friends, counts[1], counts[2], counts[3], both}
  end
end
return wrong
"""
)

# KEYS: the hash of a resource, a set, and its count. ARGV: the number of the writer; then members that do not belong
# into the set. The count is what is left in the set, whatever it was.
CLEAN = Script(
    f"""
local token = redis.call('HGET', KEYS[1], 'token')
if token and tonumber(token) > tonumber(ARGV[1]) then
  return redis.error_reply('{STALE} somebody else has written since')
end
redis.call('HSET', KEYS[1], 'token', ARGV[1])
if #ARGV > 1 then redis.call('ZREM', KEYS[2], unpack(ARGV, 2)) end
local left = redis.call('ZCARD', KEYS[2])
if left > 0 then redis.call('SET', KEYS[3], left) else redis.call('DEL', KEYS[3]) end
"""
)
