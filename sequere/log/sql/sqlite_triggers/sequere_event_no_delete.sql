-- Refuses every DELETE of the log.
-- {table}: the log. {message}: what the error says.
CREATE TRIGGER sequere_event_no_delete BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{message}'); END
