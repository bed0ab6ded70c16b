-- Removes the private feeds of those whose follow of somebody who has ever published has changed: the next reader of
-- each fills it. Writers that have drawn a token before, and still reach the followers as they were, are refused.
--
-- KEYS:       1 the last token
-- ARGV:       1 the beginning of the keys of resources ('<prefix>resource:'); 2 that of private feeds; then, for each
--             follow, the names of who is followed and of who follows
-- Answer:     none
-- Cost:       O(n) for n follows
-- Undeclared: the resources and the private feeds

-- include next_token

local has_published, feeds, token = {}, {}, nil
for i = 3, #ARGV, 2 do
  local name = ARGV[i]
  if has_published[name] == nil then
    has_published[name] = redis.call('HEXISTS', ARGV[1] .. name, 'published') == 1
    if has_published[name] then
      token = token or next_token()
      redis.call('HSET', ARGV[1] .. name, 'token', token)
    end
  end
  if has_published[name] then feeds[#feeds + 1] = ARGV[2] .. ARGV[i + 1] end
end
for i = 1, #feeds, 1000 do redis.call('UNLINK', unpack(feeds, i, math.min(i + 999, #feeds))) end
