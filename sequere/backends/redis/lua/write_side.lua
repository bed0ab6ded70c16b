-- Stores follows on one of their sides: those of one resource with resources of one kind. A count changes by what ZADD
-- and ZREM report about its own set, so it cannot drift. The friends are decided from the sets of this side alone.
--
-- KEYS:       FollowKeys.side(): 1 the hash of the resource; 2, 3 the set and that of the kind; 4, 5 their counts;
--             6 the opposite set; 7, 8 the friends and those of the kind; 9, 10 their counts; 11 the uid of the
--             resource
-- ARGV:       1 the token of the writer; 2, 3 identifier and object id of the resource; then, for each follow, the uid
--             of the other resource, and the score, '' if the follow is over. A score stays a text: as a number of Lua
--             it would lose its last digits.
-- Answer:     none; an error if the token is refused, or the resource has another uid
-- Cost:       O(n log m) for n follows and sets of m members
-- Undeclared: none

-- include stale

local uid = redis.call('GET', KEYS[11])
if not uid or KEYS[1]:sub(-#uid - 1) ~= ':' .. uid then return stale('the resource has another uid') end
local known = redis.call('HMGET', KEYS[1], 'token', 'identifier', 'object_id')
if is_overtaken(known[1], ARGV[1]) then return stale('another process has written since') end
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

local gone, there, scored = {}, {}, {}
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

local friends = {}
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
