-- Reads a page of a set of a resource, from a position, or after a member. A member that has left its place still marks
-- it: the page begins after all members with an earlier score, or with the same score and an earlier uid.
--
-- KEYS:       1 the name of the resource
-- ARGV:       1 to 4 as in _named.lua; 5 the key of the set, behind the uid; 6 '1' for the latest first; 7 the
--             position; 8 how many; 9, 10 score and uid of the last member that was read, which replace the position
-- Answer:     uids and scores in turn; an error if the uid of the resource belongs to another one, or parts are
--             missing
-- Cost:       O(log m + n) for n members in a set of m; O(t) more for t members with the score of one that is gone
-- Undeclared: the set, its count, and the hash of the uid

-- include named

if not uid then return {} end
local set, desc, first = stem .. ARGV[5], ARGV[6] == '1', tonumber(ARGV[7])
local error = misses(set)
if error then return error end
if ARGV[9] then
  local score, member = ARGV[9], ARGV[10]
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
return redis.call(desc and 'ZREVRANGE' or 'ZRANGE', set, first, first + ARGV[8] - 1, 'WITHSCORES')
