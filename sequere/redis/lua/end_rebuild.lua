-- Ends a rebuild: removes its mark, and says that the model is there.
--
-- KEYS:       1 the mark of the rebuild, 2 what says that the model is there
-- ARGV:       none
-- Answer:     1; 0 if the mark is missing because the server was emptied since the rebuild began. If the answer to the
--             first call was lost, the second one answers 1 as well.
-- Cost:       O(1)
-- Undeclared: none

if redis.call('UNLINK', KEYS[1]) == 0 then return redis.call('EXISTS', KEYS[2]) end
redis.call('SET', KEYS[2], 1)
return 1
