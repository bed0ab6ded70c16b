-- Reads a page of a set of a resource, from a position, or after a member. A member that has left its place still marks
-- it: the page begins after all members with an earlier score, or with the same score and an earlier uid.
--
-- KEYS:       1 the uid of the resource
-- ARGV:       1, 2 the key of the set, before the uid and after it; 3 '1' for the latest first; 4 the position; 5 how
--             many; 6, 7 score and uid of the last member that was read, which replace the position
-- Answer:     uids and scores in turn
-- Cost:       O(log m + n) for n members in a set of m; O(t) more for t members with the score of one that is gone
-- Undeclared: the set

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
