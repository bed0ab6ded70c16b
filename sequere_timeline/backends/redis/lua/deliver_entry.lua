-- Adds an entry to private feeds. Expired feeds are skipped, and those that have grown too long are cut.
--
-- KEYS:       1 the resource of the actor; then private feeds
-- ARGV:       1 the token of the writer, 2 the score, 3 the member, 4 the cap, '0' for none, 5 the slack
-- Answer:     none; an error if the token is refused
-- Cost:       O(n log m) for n feeds of m entries
-- Undeclared: none

-- include fence
-- include cut_feed

local call, score, member, cap, slack = redis.call, ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local longest = cap + slack
for i = 2, #KEYS do
  local key = KEYS[i]
  local size = call('ZCARD', key)
  if size > 0 then
    call('ZADD', key, score, member)
    if size > longest then cut(key, cap, slack) end
  end
end
