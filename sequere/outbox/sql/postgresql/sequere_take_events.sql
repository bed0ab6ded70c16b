-- Locks some shards of a queue, one after the other; takes the oldest events that are due there out of the queue; and
-- locks the resources that these name (sequere_lock_resources). Each statement in here sees what others have committed
-- before it: an event that another process has taken meanwhile is left to it.
-- {is_due}: see is_due.sql, with now_ for the time of now. {columns}: those of an event, in their order.
--
-- $1 the queue, $2 its shards, $3 now, $4 the time before which an event is overdue, $5 how many events; $6, $7 types of
-- events, and where the data of these name resources besides those at the two ends, NULL if no resources shall be locked;
-- $8 the projections that keep what they have applied: as ranges of ids, and as one if most ids in there are those of
-- events that are taken; $9 whether a crash of the database may undo the transaction, since it is repeated then: its
-- commit does not wait for the disk.
-- Answers the events, as JSON, which Python reads fastest; the shard of the oldest event that is due in the whole queue,
-- if that event is overdue, else NULL. Takes nothing and answers NULL if nothing is due, or if one of the shards does
-- not exist yet.
-- Cost: an index is read in its order up to the limit, each event is deleted; three lookups for each, and a row for each
-- projection that keeps them.
CREATE OR REPLACE FUNCTION sequere_take_events(
    queue_ text, shards_ smallint[], now_ timestamptz, overdue_ timestamptz, limit_ int,
    types_ text[], places_ text[], keepers_ text[], may_be_undone_ boolean, OUT events json, OUT left_in smallint
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    held int;
    taken bigint[];
    first_ bigint;
    last_ bigint;
    identifiers text[];
    object_ids text[];
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
    IF may_be_undone_ THEN
        PERFORM set_config('synchronous_commit', 'off', true);
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

    IF types_ IS NOT NULL THEN
        SELECT array_agg(named.identifier), array_agg(named.object_id) INTO identifiers, object_ids
        FROM unnest(taken) AS event_id
        CROSS JOIN LATERAL (SELECT * FROM sequere_event WHERE id = event_id OFFSET 0) AS event
        CROSS JOIN LATERAL (
            VALUES (actor_identifier, actor_object_id), (target_identifier, target_object_id)
            UNION ALL
            SELECT one ->> 0, one ->> 1 FROM unnest(types_, places_) AS more (type, place)
            CROSS JOIN jsonb_array_elements(event.data -> more.place) AS one WHERE more.type = event.type
        ) AS named (identifier, object_id)
        WHERE named.identifier IS NOT NULL;
        PERFORM sequere_lock_resources(identifiers, object_ids);
    END IF;
    SELECT json_agg(json_build_array({columns}) ORDER BY id) INTO events FROM sequere_event WHERE id = ANY (taken);
END
$$
