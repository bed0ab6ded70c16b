-- Compares the names, the sizes of the sets, the counts and the friends of resources with what they should be. The
-- members of the sets are compared by compare_digests.lua.
--
-- KEYS:       none
-- ARGV:       1 the beginning of the keys of names ('<prefix>uid:'); 2 the beginning of the keys of a graph, which may
--             have its number before 'uid:'; 3 the number of kinds, and the kinds; then, for each resource, its
--             uid, identifier and object id, and the number of kinds that it has, each with the number of followers and
--             of followings that it should have
-- Answer:     the uids of resources with another name, other sizes or counts, or other friends than the members of both
--             sets; also of those with too many friends for one step
-- Cost:       O(k) for k kinds of a resource, and O(n log n) for up to 5,000 members of the smaller of two sets
-- Undeclared: the names, hashes, sets and counts of all resources given by their uids

local kinds, at = {}, 4
for n = 1, tonumber(ARGV[3]) do kinds[n] = ARGV[at]; at = at + 1 end

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
  local name = redis.call('GET', ARGV[1] .. identifier .. ':' .. object_id)
  local known = redis.call('HMGET', ARGV[1] .. ':' .. uid, 'identifier', 'object_id')
  local is_named = name == uid and known[1] == identifier and known[2] == object_id
  -- Of a resource without follows, the server may know nothing.
  if not is_named and (name or known[1] or next(wanted)) then return false end
  local stem, nothing, all = ARGV[2] .. uid .. ':', {}, {0, 0}
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
