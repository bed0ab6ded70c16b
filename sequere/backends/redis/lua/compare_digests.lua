-- Compares parts of sets with the digests that the log makes of them.
--
-- KEYS:       none
-- ARGV:       1 the beginning of the keys of a graph ('<prefix>uid:'); then, for each part, the uid of the resource,
--             'followers' or 'followings', the kind, the rank of the first member, the number of members, and the SHA-1
--             of the members and scores as one text
-- Answer:     the uids of parts with another digest, or whose members have other scores in the set of all kinds
-- Cost:       O(n + log m) for n members in sets of m members
-- Undeclared: the sets of all resources given by their uids

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
