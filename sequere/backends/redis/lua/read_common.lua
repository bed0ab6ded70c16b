-- Reads a page of what two sets have in common, by the scores in the second one, from a position, or after a member.
--
-- KEYS:       1, 2 the names of two resources
-- ARGV:       1 to 8 as in _two_named.lua; 9 '1' for the latest first, '' for only the number; 10 the position; 11 how
--             many, -1 for all; 12, 13 score and uid of the last member that was read
-- Answer:     uids and scores in turn, or how many there are; an error if a uid belongs to another resource
-- Cost:       O(n) for a shorter set of n members, O(n log n) if all of it is in the other one
-- Undeclared: the sets, and the hashes of the uids

-- include two_named

if ARGV[9] == '' then return #sets == 2 and redis.call('ZINTERCARD', 2, sets[1], sets[2]) or 0 end
if #sets < 2 then return {} end
local all = redis.call('ZINTER', 2, sets[1], sets[2], 'WEIGHTS', 0, 1, 'WITHSCORES')
local desc, left, number, found = ARGV[9] == '1', tonumber(ARGV[10]), tonumber(ARGV[11]), {}
local score, member = tonumber(ARGV[12] or ''), ARGV[13]
local first, last, step = 1, #all - 1, 2
if desc then first, last, step = #all - 1, 1, -2 end
for i = first, last, step do
  local at = tonumber(all[i + 1])
  local is_behind = not score
  if score then
    if at == score then
      is_behind = (all[i] < member) == desc and all[i] ~= member
    else
      is_behind = (at < score) == desc
    end
  end
  if is_behind then
    if left > 0 then
      left = left - 1
    elseif number < 0 or #found < 2 * number then
      found[#found + 1] = all[i]
      found[#found + 1] = all[i + 1]
    else
      break
    end
  end
end
return found
