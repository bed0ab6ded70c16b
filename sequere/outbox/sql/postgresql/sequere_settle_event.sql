-- Takes an event out of a queue that was applied without a lock on its shard, and keeps it, unless a projection has
-- another server now than the one that was written to. Whoever finds another server locks its row before he looks for
-- what was applied to the one before.
-- {is_due}: see is_due.sql, with now_ for the time of now.
--
-- $1 the queue, $2 the shard, $3 the event, $4 now; $5, $6 the times before which an event was left behind in this
-- shard, and in another one; $7, $8 the projections that keep what they have applied, and the identities of their
-- servers, '' for those that were never written to; $9 whether a crash of the database may undo the transaction, since
-- the event is applied once more then: its commit does not wait for the disk.
-- Answers whether nothing else is to be drained: no older event was left in the shard, and none in another. NULL if the
-- event was left in the queue. If another process has taken it out, that one keeps it. Waits for nobody: what somebody
-- else has locked is left to him.
-- Cost: six lookups, and a row for each projection that keeps it.
CREATE OR REPLACE FUNCTION sequere_settle_event(
    queue_ text, shard_ smallint, event_id_ bigint, now_ timestamptz, left_ timestamptz, overdue_ timestamptz,
    keepers_ text[], identities_ text[], may_be_undone_ boolean
) RETURNS boolean LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    held text[];
BEGIN
    SELECT COALESCE(array_agg(projection), '{}') INTO held FROM (
        SELECT projection FROM sequere_knownserver WHERE projection = ANY (keepers_) FOR KEY SHARE SKIP LOCKED
    ) AS servers;
    IF EXISTS (
        SELECT 1 FROM unnest(keepers_, identities_) AS server (name, found)
        LEFT JOIN sequere_knownserver known ON known.projection = server.name
        WHERE COALESCE(known.identity, '') <> server.found OR known.is_lost OR known.projection <> ALL (held)
    ) THEN
        RETURN NULL;
    END IF;
    IF may_be_undone_ THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    DELETE FROM sequere_queuedevent WHERE queue = queue_ AND event_id = (
        SELECT event_id FROM sequere_queuedevent WHERE queue = queue_ AND event_id = event_id_ FOR UPDATE SKIP LOCKED
    );
    IF NOT FOUND THEN
        IF EXISTS (SELECT 1 FROM sequere_queuedevent WHERE queue = queue_ AND event_id = event_id_) THEN
            RETURN NULL;
        END IF;
    ELSE
        INSERT INTO sequere_keptevents (projection, number, ranges)
        SELECT name, 1, jsonb_build_array(jsonb_build_array(event_id_, event_id_)) FROM unnest(keepers_) AS name;
    END IF;
    RETURN NOT EXISTS (
        SELECT 1 FROM sequere_queuedevent JOIN sequere_event ON sequere_event.id = event_id
        WHERE queue = queue_ AND shard = shard_ AND event_id < event_id_ AND recorded_at < left_ AND {is_due}
    ) AND NOT EXISTS (
        SELECT 1 FROM (
            SELECT event_id FROM sequere_queuedevent WHERE queue = queue_ AND {is_due} ORDER BY event_id LIMIT 1
        ) AS oldest JOIN sequere_event ON sequere_event.id = event_id WHERE recorded_at < overdue_
    );
END
$$
