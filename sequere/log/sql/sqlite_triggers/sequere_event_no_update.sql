-- Refuses every UPDATE of the log.
-- {table}: the log. {message}: what the error says.
CREATE TRIGGER sequere_event_no_update BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{message}'); END
