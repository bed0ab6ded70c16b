-- Refuses a writer that another one has overtaken, and keeps the token of a writer that it lets pass.
--
-- Reads:   KEYS[1], the hash of the resource that the writer has locked, with the `token` of the last writer;
--          ARGV[1], the token of the writer.
-- Defines: nothing.

-- include stale

local last = redis.call('HGET', KEYS[1], 'token')
if is_overtaken(last, ARGV[1]) then return stale(KEYS[1]) end
if last ~= ARGV[1] then redis.call('HSET', KEYS[1], 'token', ARGV[1]) end
