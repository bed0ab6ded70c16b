-- Refuses every TRUNCATE of the log. Needs the function of sequere_event_no_change.
-- {table}: the log. The trigger is written as PostgreSQL shows it.
CREATE TRIGGER sequere_event_no_truncate BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION sequere_event_is_immutable()
