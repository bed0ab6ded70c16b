"""What happens on the server in one atomic step.

A private timeline is a sorted set with the member FLOOR, "", below its entries, or "~" and a nonce for each reader who
is just filling it. Where there is no key it has expired, and is filled by whoever reads it next: nobody writes to it
until then. The first key of a script that writes is the hash of the resource whose lock the writer holds: `token` there
is the number of the last writer, and smaller ones are refused.
"""

from sequere.redis.connection import STALE, Script
from sequere.redis.model import NEXT

_FENCE = f"""
local last = redis.call('HGET', KEYS[1], 'token')
if last and tonumber(last) > tonumber(ARGV[1]) then
    return redis.error_reply('{STALE} ' .. KEYS[1])
end
if last ~= ARGV[1] then redis.call('HSET', KEYS[1], 'token', ARGV[1]) end
"""

#: Whoever has drawn a smaller number writes nothing about the resource from now on. KEYS: resource. ARGV: token.
FENCE = Script(_FENCE)

# A timeline that has grown too long keeps its newest entries.
_CUT = """
local function cut(key, cap, slack)
    if cap == 0 or redis.call('ZCARD', key) <= cap + slack + 1 or redis.call('ZREM', key, '') == 0 then return end
    redis.call('ZREMRANGEBYRANK', key, 0, -cap - 1)
    redis.call('ZADD', key, redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2], '')
end
"""

#: KEYS: resource of the actor, action, his public timeline. ARGV: token, score, member, 1 if it is published, and the
#: fields of the action. That the actor has ever published something stays.
PUT = Script(
    _FENCE
    + """
redis.call('HSET', KEYS[2], unpack(ARGV, 5))
if ARGV[4] == '1' then
    redis.call('HSET', KEYS[1], 'published', 1)
    redis.call('ZADD', KEYS[3], ARGV[2], ARGV[3])
else
    redis.call('ZREM', KEYS[3], ARGV[3])
end
"""
)

#: Whoever has drawn a number before is refused from now on. KEYS: the last number, resources.
OVERTAKE = Script(NEXT + "for i = 2, #KEYS do redis.call('HSET', KEYS[i], 'token', token) end")

#: The followers have it. KEYS: resource of the actor, action. ARGV: token, the event that published it.
REACHED = Script(_FENCE + "redis.call('HSET', KEYS[2], 'reached', ARGV[2])")

#: It is in no public timeline any more, and on no page. KEYS: resource of the actor, action, his public timeline. ARGV:
#: token, member, and the fields that the action is shown from. The others stay until nobody has it any more.
RETRACT = Script(
    _FENCE
    + """
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('HDEL', KEYS[2], unpack(ARGV, 3))
"""
)

#: Nobody has it any more. KEYS: resource of the actor, action. ARGV: token.
DROP = Script(_FENCE + "redis.call('UNLINK', KEYS[2])")

#: An action reaches the private timelines that are there, and those that grow too long are cut. KEYS: resource of the
#: actor, timelines. ARGV: token, score, member, cap (0 for none), slack.
DELIVER = Script(
    _FENCE
    + _CUT
    + """
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
"""
)

#: An action leaves private timelines; one that is just being filled is dropped, and its reader begins again. KEYS:
#: resource of the actor, timelines. ARGV: token, members.
WITHDRAW = Script(
    _FENCE
    + """
for i = 2, #KEYS do
    if redis.call('ZSCORE', KEYS[i], '') then
        redis.call('ZREM', KEYS[i], unpack(ARGV, 2))
    else
        redis.call('UNLINK', KEYS[i])
    end
end
"""
)

#: The reasons of an entry become others. KEYS: resource of the actor, the private timeline of an owner, what was saved
#: directly in it. ARGV: token, score, the member to be ('' for none), the member of the direct ones, 1 if it is among
#: them, cap (0 for none), slack, and the members that it may have been.
PLACE = Script(
    _FENCE
    + _CUT
    + """
if ARGV[5] == '1' then
    redis.call('ZADD', KEYS[3], ARGV[2], ARGV[4])
else
    redis.call('ZREM', KEYS[3], ARGV[4])
end
local floor = redis.call('ZSCORE', KEYS[2], '')
if not floor then
    redis.call('UNLINK', KEYS[2])
    return
end
local was_there = redis.call('ZREM', KEYS[2], unpack(ARGV, 8)) > 0
if ARGV[3] ~= '' then
    redis.call('ZADD', KEYS[2], ARGV[2], ARGV[3])
    if not was_there and tonumber(floor) == tonumber(ARGV[2])
            and redis.call('ZRANK', KEYS[2], ARGV[3]) == redis.call('ZRANK', KEYS[2], '') + 1 then
        redis.call('ZREM', KEYS[2], ARGV[3])  -- it has the date of the floor, and comes before what was kept of that
    end
    cut(KEYS[2], tonumber(ARGV[6]), tonumber(ARGV[7]))
end
"""
)

#: KEYS: resource, names. ARGV: token, the name of its generation, and how often it was deleted.
COUNT_GENERATION = Script(_FENCE + "redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])")

#: KEYS: resource. ARGV: token, until when it has read, '' for never.
MARK = Script(
    _FENCE
    + """
if ARGV[2] == '' then
    redis.call('HDEL', KEYS[1], 'read')
else
    redis.call('HSET', KEYS[1], 'read', ARGV[2])
end
"""
)

#: Somebody is going to fill a private timeline. KEYS: timeline. ARGV: nonce, seconds after which he has given up.
#: Answers 1 if it is there by now.
FILL = Script("""
if redis.call('ZSCORE', KEYS[1], '') then return 1 end
redis.call('ZADD', KEYS[1], '-inf', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 0
""")

#: He has, unless something was withdrawn meanwhile. KEYS: timeline. ARGV: nonce, seconds until it expires (0 for
#: never), the score of the floor, and the entries as score, member.
FILLED = Script("""
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '-inf')
for i = 4, #ARGV, 1000 do
    redis.call('ZADD', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
redis.call('ZADD', KEYS[1], ARGV[3], '')
if ARGV[2] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return 1
""")

#: The newest entries down to a score, behind so many of them, and no more than a number: members and scores. KEYS:
#: timeline. ARGV: score, how many to leave out, number (-1 for all).
NEWEST = Script(
    "return redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', ARGV[1], 'WITHSCORES', 'LIMIT', ARGV[2], ARGV[3])"
)

# What is shown: from `first`, the rank of the oldest entry, to `last`; and the numbers that a filter asks for.
_SHOWN = """
local key, names = KEYS[1], KEYS[2]
local first, last = 0, redis.call('ZCARD', key) - 1
if ARGV[1] == '1' then
    local floor = redis.call('ZRANK', key, '')
    if not floor then return -1 end
    if ARGV[2] ~= '0' then redis.call('EXPIRE', key, ARGV[2]) end
    first = floor + 1
end
local verb, kind, target = ARGV[3], ARGV[4], ARGV[5]
local filtered = verb ~= '' or kind ~= ''
if verb ~= '' then verb = redis.call('HGET', names, verb) end
if kind ~= '' then kind = redis.call('HGET', names, kind) end
if target ~= '' then
    local generation = redis.call('HGET', names, 'generation:' .. target) or '0'
    target = redis.call('HGET', names, 'target:' .. generation .. ':' .. target)
end
local nothing = not (verb and kind and target)

local function matches(member, unread)
    local at = 2 + tonumber(string.sub(member, 1, 1), 16)
    if unread and string.sub(member, at, at) == '1' then return false end
    if not filtered then return true end
    local v, k, t = string.match(member, '^([^.]*)%.?([^.]*)%.?(.*)$', at + 1)
    return (verb == '' or v == verb) and (kind == '' or k == kind) and (target == '' or t == target)
end
"""

# KEYS of all that follow: timeline, names. ARGV: 1 for a private timeline, seconds until it expires (0 for never), the
# names of verb and kind, and the target, '' for any. They answer -1 where it is to be filled.

#: A page of a timeline: members and scores. ARGV: start, stop (-1 for all), 1 for newest first, and the place after
#: which it goes on, whether an entry is still there or not: what the members there begin with, and their score, ''
#: from the beginning. Among equal scores it is found by bisection; Lua would compare texts by the locale, not by bytes.
PAGE = Script(
    _SHOWN
    + """
if nothing then return {} end
local start, stop, desc = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8] == '1'
local size = last - first + 1
local place = 0
local function compare(member, beginning)
    for i = 1, #beginning do
        local difference = (string.byte(member, i) or -1) - string.byte(beginning, i)
        if difference ~= 0 then return difference end
    end
    return 0
end
if ARGV[9] ~= '' then
    local score = ARGV[10]
    local low = redis.call('ZCOUNT', key, '-inf', '(' .. score)
    local high = low + redis.call('ZCOUNT', key, score, score)
    while low < high do
        local middle = math.floor((low + high) / 2)
        local difference = compare(redis.call('ZRANGE', key, middle, middle)[1], ARGV[9])
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
"""
)

#: How many entries there are.
COUNT = Script(
    _SHOWN
    + """
if nothing then return 0 end
if not filtered then return math.max(last - first + 1, 0) end
local count = 0
for place = first, last, 1000 do
    for _, member in ipairs(redis.call('ZRANGE', key, place, math.min(place + 999, last))) do
        if matches(member, false) then count = count + 1 end
    end
end
return count
"""
)

#: How many of them are later than what the owner has read, and not his own. KEYS: his resource.
UNREAD = Script(
    _SHOWN
    + """
if nothing then return 0 end
local read = redis.call('HGET', KEYS[3], 'read')
if read then first = math.max(first, redis.call('ZCOUNT', key, '-inf', read)) end
local count = 0
for place = first, last, 1000 do
    for _, member in ipairs(redis.call('ZRANGE', key, place, math.min(place + 999, last))) do
        if matches(member, true) then count = count + 1 end
    end
end
return count
"""
)
