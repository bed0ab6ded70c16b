-- Stores how often a resource was deleted.
--
-- KEYS:       1 the resource, 2 the numbers of names
-- ARGV:       1 the token of the writer, 2 the name of the generation, 3 the generation
-- Answer:     none; an error if the token is refused
-- Cost:       O(1)
-- Undeclared: none

-- include fence

redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
