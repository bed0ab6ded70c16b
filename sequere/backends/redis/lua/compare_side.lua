-- Compares follows on one of their sides with what is stored, without writing: the counterpart of write_side.lua.
--
-- KEYS:       FollowKeys.side(), as for write_side.lua
-- ARGV:       1, 2 identifier and object id of the resource; then, for each follow, the uid of the other resource, and
--             the score, '' if the follow is over
-- Answer:     for each follow that is stored wrongly: the uid, the scores in the set, in that of the kind, in the
--             friends and in those of the kind, and the score that the friends should have; '' for none. First, if the
--             resource has another name: an empty uid, and that name.
-- Cost:       O(n) for n follows
-- Undeclared: none

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
