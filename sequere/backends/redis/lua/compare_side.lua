-- Compares follows on one of their sides with what is stored, without writing: the counterpart of write_sides.lua.
--
-- KEYS:       FollowKeys.side(): 1 the hash of the resource; 2, 3 the set and that of the kind; 4, 5 their counts;
--             6 the opposite set; 7, 8 the friends and those of the kind; 9, 10 their counts; 11 the name of the
--             resource
-- ARGV:       1, 2 identifier and object id of the resource; then, for each follow, the uid of the other resource, and
--             the score, '' if the follow is over
-- Answer:     for each follow that is stored wrongly: the uid, the scores in the set, in that of the kind, in the
--             friends and in those of the kind, and the score that the friends should have; '' for none. First, if the
--             uid has another name, or the name another uid: an empty uid, the name, and the uid.
-- Cost:       O(n) for n follows
-- Undeclared: none

local wrong = {}
local known, uid = redis.call('HMGET', KEYS[1], 'identifier', 'object_id'), redis.call('GET', KEYS[11])
if known[1] ~= ARGV[1] or known[2] ~= ARGV[2] or not uid or KEYS[1]:sub(-#uid - 1) ~= ':' .. uid then
  wrong[1] = {'', known[1] or '', known[2] or '', uid or ''}
end

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
