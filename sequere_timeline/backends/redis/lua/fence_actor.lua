-- Refuses all writers with a smaller token from now on, although nothing is written yet.
--
-- KEYS:       1 the resource of the actor
-- ARGV:       1 the token of the writer
-- Answer:     none; an error if the token is refused
-- Cost:       O(1)
-- Undeclared: none

-- include fence
