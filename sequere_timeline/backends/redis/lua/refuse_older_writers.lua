-- Refuses all writers that have drawn a token before, without being one of them.
--
-- KEYS:       1 the last token; then resources
-- ARGV:       none
-- Answer:     none
-- Cost:       O(n) for n resources
-- Undeclared: none

-- include next_token

for i = 2, #KEYS do redis.call('HSET', KEYS[i], 'token', token) end
