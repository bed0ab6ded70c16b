-- Reads the names of about as many followers as wanted, from the beginning, or from a cursor. If the last follower is
-- gone, or is elsewhere now, all followers with its score come again; if the resource has another uid, all followers
-- do: the model was rebuilt from another log.
--
-- SORT_RO sorts nothing here: it finds many names fast. But it would turn a compact set into a skip list for good, so
-- that it is used only for sets that are skip lists already; and a user who may only use keys with our prefix may not
-- use it.
--
-- KEYS:       1 the name of the resource
-- ARGV:       1 to 4 as in _named.lua; 5 the key of the set, behind the uid; 6 how many; 7 to 9 the cursor, if there is
--             one
-- Answer:     the names, with a NUL between them, without those of uids that nobody has; then the cursor, unless this
--             was the last page: the uid of the resource, and score and uid of the last follower. An error if the uid
--             of the resource belongs to another one.
-- Cost:       O(log m + n) for n followers of m
-- Undeclared: the hash of the uid, the set, that of the kind of its first member, and the hashes of the followers

-- include named

if not uid then return {''} end
local set, hash, first, number = stem .. ARGV[5], ARGV[1] .. ':', 0, tonumber(ARGV[6])
if ARGV[7] == uid then
  local score, member = ARGV[8], ARGV[9]
  if tonumber(redis.call('ZSCORE', set, member) or '') == tonumber(score) then
    first = redis.call('ZRANK', set, member) + 1
  else
    first = redis.call('ZCOUNT', set, '-inf', '(' .. score)
  end
end

local found, names, between = {}, {}, '\0'

local function some(from, count, ...)
  return redis.pcall('SORT_RO', set, 'BY', 'nosort', 'LIMIT', from, count, ...)
end

local function all(...)
  return some(first, number, ...)
end

if redis.call('OBJECT', 'ENCODING', set) == 'skiplist' and not some(0, 1, 'GET', hash .. '*').err then
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
