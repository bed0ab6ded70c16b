-- Removes the private feed of somebody whose follow has changed, without locks, as drop_feeds.lua does with them. A
-- writer that still reaches the followers as they were may do so if a follow has begun: what it brings is in the public
-- feed, and what it takes back is not.
--
-- KEYS:       1 what says that the model is there, 2 the note about the log, 3 the resource that is followed, 4 the
--             private feed of the follower
-- ARGV:       1 '1' if the follow has begun, '0' if it has ended
-- Answer:     1, 0 if writers have to be refused; and what look() answers
-- Cost:       O(1)
-- Undeclared: none

-- include look

local has_published = redis.call('HEXISTS', KEYS[3], 'published') == 1
if has_published and ARGV[1] == '1' then redis.call('UNLINK', KEYS[4]) end
return {has_published and ARGV[1] == '0' and 0 or 1, unpack(look(KEYS[1], KEYS[2]))}
