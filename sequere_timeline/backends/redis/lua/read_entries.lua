-- Reads a page of a feed.
--
-- KEYS:       1 the feed, 2 the numbers of names, 3 the resource of the owner
-- ARGV:       1 to 6 as in _shown_entries.lua; 7, 8 the positions where the page begins and ends, '-1' for no end;
--             9 '1' for the newest first; 10, 11 the place after which the positions begin: what the members there
--             begin with, and their score, '' for the beginning of the feed. No entry has to be there.
-- Answer:     members and scores in turn; -1 if the feed must be filled
-- Cost:       O(log m + n) for n entries of m; with filters, or if the owner does not see all actors, O(m); O(log m)
--             more for each bisection of equal scores
-- Undeclared: none

-- include shown_entries

if nothing then return {} end
local start, stop, desc = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9] == '1'
local size = last - first + 1
local place = 0

-- Byte by byte, as Redis orders members: Lua compares texts by the locale.
local function compare(member, beginning)
  for i = 1, #beginning do
    local difference = (string.byte(member, i) or -1) - string.byte(beginning, i)
    if difference ~= 0 then return difference end
  end
  return 0
end

if ARGV[10] ~= '' then
  local score = ARGV[11]
  local low = redis.call('ZCOUNT', key, '-inf', '(' .. score)
  local high = low + redis.call('ZCOUNT', key, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local difference = compare(redis.call('ZRANGE', key, middle, middle)[1], ARGV[10])
    if difference > 0 or desc and difference == 0 then high = middle else low = middle + 1 end
  end
  place = desc and last - low + 1 or math.max(low - first, 0)
end

local function range(from, to)
  if desc then return redis.call('ZREVRANGE', key, from, to, 'WITHSCORES') end
  return redis.call('ZRANGE', key, first + from, first + to, 'WITHSCORES')
end

if not filtered then
  local to = size - 1
  if stop >= 0 then to = math.min(to, place + stop - 1) end
  if place + start > to then return {} end
  return range(place + start, to)
end
local found, seen = {}, 0
while place < size do
  local rows = range(place, math.min(place + 999, size - 1))
  for i = 1, #rows, 2 do
    if matches(rows[i], false) then
      seen = seen + 1
      if seen > start then
        found[#found + 1] = rows[i]
        found[#found + 1] = rows[i + 1]
        if seen == stop then return found end
      end
    end
  end
  place = place + 1000
end
return found
