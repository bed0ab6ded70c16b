-- Removes an entry from private feeds. A feed that a reader is just filling is removed, and the reader begins again.
--
-- KEYS:       1 the resource of the actor; then private feeds
-- ARGV:       1 the token of the writer; then the members that the entry may be
-- Answer:     none; an error if the token is refused
-- Cost:       O(n log m) for n feeds of m entries
-- Undeclared: none

-- include fence

for i = 2, #KEYS do
  if redis.call('ZSCORE', KEYS[i], '') then
    redis.call('ZREM', KEYS[i], unpack(ARGV, 2))
  else
    redis.call('UNLINK', KEYS[i])
  end
end
