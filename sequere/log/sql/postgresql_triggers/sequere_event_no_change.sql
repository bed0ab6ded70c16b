-- Refuses every UPDATE and DELETE of the log. Defines the function that the triggers of this folder call.
-- {table}: the log. {message}: what the error says. The trigger is written as PostgreSQL shows it.
CREATE OR REPLACE FUNCTION sequere_event_is_immutable() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'restrict_violation'; END $$;
CREATE TRIGGER sequere_event_no_change BEFORE DELETE OR UPDATE ON {table}
FOR EACH ROW EXECUTE FUNCTION sequere_event_is_immutable()
