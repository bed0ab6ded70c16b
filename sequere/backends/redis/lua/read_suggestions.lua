-- Reads a page of suggestions: what those follow whom a resource follows, and it does not; first what most of them do.
--
-- KEYS:       1 the name of the resource
-- ARGV:       1 to 4 as in _named.lua; 5 the key of what a resource follows, behind the uid; 6 the kind of what is
--             suggested, '' for all; 7 uids that are left out, in one text; 8 how many sets of the resource are left
--             out as well, and for each what is before the uid in its key, and what is behind it; then how many of
--             those whom it follows have a say, and in how many of theirs; '1' for the first ones first; the position;
--             how many, -1 for all; number and uid of the last one that was read
-- Answer:     uids, and how many follow them, in turn; an error if the uid of the resource belongs to another one
-- Cost:       O(n log n) for the n that the others follow
-- Undeclared: the sets, and the hashes of the uids

-- include named

if not uid then return {} end
local suffix, kind, sets = ARGV[5], ARGV[6], tonumber(ARGV[8])
local suggesting, by_each, first, start, wanted, number_of_last, last = unpack(ARGV, 9 + 2 * sets)
local shared, ranked = {[uid] = 0}, {}
for other in string.gmatch(ARGV[7], '%d+') do shared[other] = 0 end
for _, other in ipairs(redis.call('ZREVRANGE', stem .. suffix, 0, suggesting - 1)) do
  for _, one in ipairs(redis.call('ZREVRANGE', ARGV[4] .. other .. suffix, 0, by_each - 1)) do
    if not shared[one] then ranked[#ranked + 1] = one end
    shared[one] = (shared[one] or 0) + 1
  end
end
for number = 1, sets do
  local set, unknown = ARGV[7 + 2 * number] .. uid .. ARGV[8 + 2 * number], {}
  for i = 1, #ranked, 1000 do
    local some = {unpack(ranked, i, math.min(i + 999, #ranked))}
    for n, score in ipairs(redis.call('ZMSCORE', set, unpack(some))) do
      if not score then unknown[#unknown + 1] = some[n] end
    end
  end
  ranked = unknown
end
if kind ~= '' then
  local of_kind = {}
  for _, one in ipairs(ranked) do
    if redis.call('HGET', ARGV[1] .. ':' .. one, 'identifier') == kind then of_kind[#of_kind + 1] = one end
  end
  ranked = of_kind
end

-- A place is one number, so that a sort compares numbers: how many share it, and then the uid.
local SHARED, places = 2 ^ 40, {}
local behind = last and number_of_last * SHARED + last
local is_desc = first == '1'
for _, one in ipairs(ranked) do
  local place = shared[one] * SHARED + one
  if not last or (place ~= behind and (place < behind) == is_desc) then places[#places + 1] = place end
end
table.sort(places)
local found, number = {}, tonumber(wanted)
for i = 1 + start, number < 0 and #places or math.min(#places, start + number) do
  local place = places[is_desc and #places + 1 - i or i]
  found[#found + 1] = string.format('%.0f', place % SHARED)
  found[#found + 1] = string.format('%.0f', math.floor(place / SHARED))
end
return found
