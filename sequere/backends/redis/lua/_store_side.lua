-- Stores follows on one side: the followers or the followings of a resource that are of one kind. A count changes by
-- what ZADD and ZREM report about its own set, so it cannot drift. The friends are decided from the sets of the same
-- resource alone.
--
-- Reads:   ARGV, from a position on: the uid, identifier and object id of the resource, 'followers' or 'followings',
--          the kind of the others, the number of follows, and these: the uid of the other resource, and the score, ''
--          if the follow is over. A score stays a text: as a number of Lua it would lose its last digits.
-- Defines: store_side(at, stem), which answers where the next one begins; stem is the beginning of the keys of a graph,
--          which may have its number before 'uid:'.

local call = redis.call
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

local function store_side(at, stem)
  local uid, _, _, what, kind, number = unpack(ARGV, at, at + 5)
  local last = at + 5 + 2 * number
  kind = ':' .. kind
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
  return last + 1
end
