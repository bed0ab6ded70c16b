-- Refuses a row that has a unique key of another one: REPLACE would delete that one without running its triggers.
-- {table}: the log.
CREATE TRIGGER sequere_event_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM {table} WHERE stream = NEW.stream AND version = NEW.version)
  OR EXISTS (SELECT 1 FROM {table} WHERE idempotency_key = NEW.idempotency_key)
BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: {table}'); END
