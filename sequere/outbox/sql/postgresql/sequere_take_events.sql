-- Locks some shards of a queue, one after the other; takes the oldest events that are due there out of the queue; and
-- locks the resources at both ends of these, if it knows that no others have to be locked. Each statement in here sees
-- what others have committed before it: an event that another process has taken meanwhile is left to it.
-- {is_due}: see is_due.sql, with now_ for the time of now.
--
-- $1 the queue, $2 its shards, $3 now, $4 the time before which an event is overdue, $5 how many events; $6 the types of
-- the events with which only the two ends are locked; $7 the projections that keep what they have applied: as ranges of
-- ids, and as one if most ids in there are those of events that are taken.
-- Answers the events, as JSON, which Python reads fastest; the shard of the oldest event that is due in the whole queue,
-- if that event is overdue, else NULL; and whether the resources are locked: they are not if there is an event of
-- another type, or a resource that has no row yet. Takes nothing and answers NULL if nothing is due, or if one of the
-- shards does not exist yet.
-- Cost: an index is read in its order up to the limit, each event is deleted; three lookups for each, and a row for each
-- projection that keeps them.
CREATE OR REPLACE FUNCTION sequere_take_events(
    queue_ text, shards_ smallint[], now_ timestamptz, overdue_ timestamptz, limit_ int, types_ text[], keepers_ text[],
    OUT events json, OUT left_in smallint, OUT is_locked boolean
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    held int;
    taken bigint[];
    first_ bigint;
    last_ bigint;
    uids bigint[];
BEGIN
    SELECT COUNT(*) INTO held FROM (
        SELECT 1 FROM sequere_shard WHERE queue = queue_ AND number = ANY (shards_) ORDER BY number FOR NO KEY UPDATE
    ) AS locked;
    IF held < cardinality(shards_) THEN
        RETURN;
    END IF;
    taken := ARRAY(
        SELECT event_id FROM sequere_queuedevent WHERE queue = queue_ AND shard = ANY (shards_) AND {is_due}
        ORDER BY event_id LIMIT limit_
    );
    IF taken = '{}' THEN
        RETURN;
    END IF;
    DELETE FROM sequere_queuedevent WHERE queue = queue_ AND event_id = ANY (taken);
    IF keepers_ <> '{}' THEN
        first_ := taken[1];
        last_ := taken[cardinality(taken)];
        INSERT INTO sequere_keptevents (projection, number, ranges)
        SELECT name, cardinality(taken), CASE
            WHEN last_ - first_ < 2 * cardinality(taken) THEN jsonb_build_array(jsonb_build_array(first_, last_))
            ELSE (SELECT jsonb_agg(jsonb_build_array(event_id, event_id)) FROM unnest(taken) AS event_id)
        END FROM unnest(keepers_) AS name;
    END IF;
    SELECT shard INTO left_in FROM (
        SELECT shard, event_id FROM sequere_queuedevent WHERE queue = queue_ AND {is_due} ORDER BY event_id LIMIT 1
    ) AS oldest JOIN sequere_event ON sequere_event.id = event_id WHERE recorded_at < overdue_;

    is_locked := NOT EXISTS (SELECT 1 FROM sequere_event WHERE id = ANY (taken) AND type <> ALL (types_));
    IF is_locked THEN
        SELECT array_agg(found.uid) INTO uids FROM (
            SELECT DISTINCT known.uid
            FROM unnest(taken) AS event_id
            CROSS JOIN LATERAL (SELECT * FROM sequere_event WHERE id = event_id OFFSET 0) AS event
            CROSS JOIN LATERAL (VALUES
                (actor_identifier, actor_object_id), (target_identifier, target_object_id)
            ) AS named (identifier, object_id)
            LEFT JOIN LATERAL (
                SELECT uid FROM sequere_resource
                WHERE identifier = named.identifier AND object_id = named.object_id LIMIT 1
            ) AS known ON true
            WHERE named.identifier IS NOT NULL
            ORDER BY uid
        ) AS found;
        is_locked := array_position(uids, NULL) IS NULL;
    END IF;
    IF is_locked THEN
        PERFORM 1 FROM unnest(uids) AS found (uid)
        CROSS JOIN LATERAL (SELECT 1 FROM sequere_resource WHERE uid = found.uid FOR NO KEY UPDATE) AS locked;
    END IF;
    SELECT json_agg(json_build_array(
        id, occurred_at, recorded_at, stream, version, schema_version, type,
        actor_identifier, actor_object_id, target_identifier, target_object_id, verb, data, metadata, idempotency_key
    ) ORDER BY id) INTO events FROM sequere_event WHERE id = ANY (taken);
END
$$
