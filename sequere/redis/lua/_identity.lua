-- The identity of what the server holds: another one after each restart, and after each failover. Empty if the server
-- does not say it.
--
-- Defines: identity().

local function identity()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
end
