-- Leaves events in the outbox, in the call that records them.
--
-- $1 the queues; $2 the shards of all intents that were given, for one queue after the other; $3 to $5 the places of
-- those that are news, their events, and their streams; $6 the uids of resources, NULL for none.
-- Answers these uids if none of the resources is suspended, which the caller has locked; otherwise NULL.
-- Cost: a row for each event and queue, and a lookup for each uid.
CREATE OR REPLACE FUNCTION sequere_queue_events(
    queues text[], shards smallint[], places int[], event_ids bigint[], streams uuid[], uids bigint[]
) RETURNS bigint[] LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    given int := cardinality(shards) / cardinality(queues);
BEGIN
    INSERT INTO sequere_queuedevent (queue, event_id, shard, stream, attempts, error, traceback)
    SELECT queue, event_id, shards[(number - 1) * given + place], stream, 0, '', ''
    FROM unnest(queues) WITH ORDINALITY AS queues (queue, number),
         unnest(places, event_ids, streams) AS news (place, event_id, stream);
    IF uids IS NULL OR EXISTS (SELECT 1 FROM sequere_resource WHERE uid = ANY (uids) AND is_suspended) THEN
        RETURN NULL;
    END IF;
    RETURN uids;
END
$$
