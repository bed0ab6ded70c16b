-- Finds keys whose type, or whose content, is not that of their names; removes them if that is wanted.
--
-- KEYS:       the keys
-- ARGV:       1 '1' to remove those that are wrong; then the type of each key: 'hash', 'zset', 'string', or 'number', a
--             string of digits
-- Answer:     the positions of those that are wrong, from 0, and what they are, in turn
-- Cost:       O(n) for n keys
-- Undeclared: none

local wrong = {}
for i, key in ipairs(KEYS) do
  local found, wanted = redis.call('TYPE', key).ok, ARGV[i + 1]
  local is_right = found == wanted or found == 'none'
  if wanted == 'number' and found == 'string' then is_right = string.match(redis.call('GET', key), '^%d+$') end
  if not is_right then
    wrong[#wrong + 1], wrong[#wrong + 2] = i - 1, found
    if ARGV[1] == '1' then redis.call('UNLINK', key) end
  end
end
return wrong
