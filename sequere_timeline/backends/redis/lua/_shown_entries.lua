-- Finds what readers see of a feed. Answers -1 if it is a private feed that has expired, and must be filled first.
--
-- Reads:   KEYS[1], the feed; KEYS[2], the numbers of names; KEYS[3], the resource of the owner;
--          ARGV[1], '1' for a private feed; ARGV[2], seconds until it expires from now on, '0' for never; ARGV[3] to
--          ARGV[5], the names of verb and kind, and the target, that filter it, '' for any; ARGV[6], the time.
-- Defines: key; first and last, the ranks of the oldest and of the newest entry; filtered, whether anything filters
--          them, or the owner does not see all actors; nothing, whether a filter has no number, so that no entry can
--          match, or the owner is suspended; matches(member, unread), whether the owner sees an entry, and it passes the filters and, if `unread`,
--          is not the owner's own.

local key, names = KEYS[1], KEYS[2]
local hidden, hidden_targets
local first, last = 0, redis.call('ZCARD', key) - 1
local unseen = redis.call('HGET', KEYS[3], 'hidden') or ''
if ARGV[1] == '1' then
  local floor = redis.call('ZRANK', key, '')
  if not floor then return -1 end
  if ARGV[2] ~= '0' then redis.pcall('EXPIRE', key, ARGV[2]) end  -- a server that refuses writes is read
  first = floor + 1
  -- Each is 'actor[,target[,until]]': an actor who is not seen, as which target, and until when.
  for actor, upon, till in string.gmatch(unseen, '([^ ,]+),?([^ ,]*),?(%d*)') do
    if till == '' or tonumber(till) > tonumber(ARGV[6]) then
      hidden, hidden_targets = hidden or {}, hidden_targets or {}
      hidden[actor] = true
      if upon ~= '' then hidden_targets[upon] = true end
    end
  end
end
local verb, kind, target = ARGV[3], ARGV[4], ARGV[5]
local filtered = hidden or verb ~= '' or kind ~= ''
if verb ~= '' then verb = redis.call('HGET', names, verb) end
if kind ~= '' then kind = redis.call('HGET', names, kind) end
if target ~= '' then
  local generation = redis.call('HGET', names, 'generation:' .. target)
  target = redis.call('HGET', names, 'target:' .. target)
  if target and generation then target = target .. ':' .. generation end
end
local nothing = not (verb and kind and target) or string.sub(unseen, 1, 1) == '*'

local function matches(member, unread)
  local at = 2 + tonumber(string.sub(member, 1, 1), 16)
  local is_own = string.sub(member, at, at) == '1'
  if unread and is_own then return false end
  if not filtered then return true end
  local v, k, t, actor = string.match(member, '^([^.]*)%.([^.]*)%.([^.]*)%.(.*)', at + 1)
  if hidden and (hidden[actor] or not is_own and hidden_targets[t]) then return false end
  return (verb == '' or v == verb) and (kind == '' or k == kind) and (target == '' or t == target)
end
