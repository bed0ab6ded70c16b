-- Draws a fencing token for a writer that has locked what it is going to write about.
--
-- KEYS:       1 the last token
-- ARGV:       none
-- Answer:     the token
-- Cost:       O(1)
-- Undeclared: none

-- include next_token

return token
