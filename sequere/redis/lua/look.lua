-- Says what a server holds, before anything that is read with it is believed.
--
-- KEYS:       1 what says that the model is there, 2 the note about the log
-- ARGV:       none
-- Answer:     what look() answers
-- Cost:       O(1)
-- Undeclared: none

-- include look

return look(KEYS[1], KEYS[2])
