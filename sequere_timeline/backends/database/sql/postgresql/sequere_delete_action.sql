-- Records that an action is deleted, and takes it out of all timelines at once: what log/recording.py and
-- TimelinesProjector do for any action, in one call. Only of an action that was saved once, in the timeline of the given
-- owner, and that is as given. Looks, locks the resources (sequere_lock_resources), and looks again.
--
-- $1 to $10 are those of sequere_record_action; $11, $12 the type and the scope of the graph whose relations are
-- followed; $13 the type of the events that save an action, $14 that of the events
-- that end a relation of the graph; $15 the queue of fan-outs.
-- Answers the id and the data of the event, and from how many followers it was taken, NULL if the timeline is another
-- one than the actor's. NULLs, and nothing is written, if the action is another one or there is more to it.
-- Cost: six lookups for each resource, an event, two lookups for each follower and for each that has ended a follow.
CREATE OR REPLACE FUNCTION sequere_delete_action(
    type_ text, data_version smallint, stream_ uuid, identifiers text[], object_ids text[], lives uuid[],
    verb_ text, date_ timestamptz, now_ timestamptz, metadata_ jsonb, graph_type text, graph_scope text,
    saved text, ended text, queue_ text, OUT deleted_id bigint, OUT data_ jsonb, OUT reached bigint
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    is_own boolean := (identifiers[1], object_ids[1]) = (identifiers[2], object_ids[2]);
    saved_id bigint;
    saved_at timestamptz;
    uids bigint[];
    generations int[];
    former bigint;
BEGIN
    SELECT id, occurred_at, data INTO saved_id, saved_at, data_ FROM sequere_event
    WHERE stream = stream_ AND version = 1 AND type = saved AND schema_version = data_version AND verb = verb_
    AND (actor_identifier, actor_object_id) = (identifiers[1], object_ids[1])
    AND (COALESCE(target_identifier, ''), target_object_id) = (COALESCE(identifiers[3], ''), COALESCE(object_ids[3], ''))
    AND abs(extract(epoch FROM occurred_at - date_)) < 0.001
    AND data -> 'owners' -> 0 ->> 0 = identifiers[2] AND data -> 'owners' -> 0 ->> 1 = object_ids[2];
    IF NOT FOUND THEN
        RETURN;
    END IF;
    uids := sequere_lock_resources(identifiers, object_ids);
    SELECT array_agg(COALESCE(last.version, 0) ORDER BY place) INTO generations
    FROM unnest(lives) WITH ORDINALITY AS life (stream, place)
    LEFT JOIN LATERAL (
        SELECT version FROM sequere_event WHERE stream = life.stream ORDER BY version DESC LIMIT 1
    ) last ON true;
    IF (data_ -> 'generations' -> 'actor')::int <> generations[1] OR (data_ -> 'owners' -> 0 -> 2)::int <> generations[2]
    OR EXISTS (SELECT 1 FROM sequere_event WHERE stream = stream_ AND version = 2) THEN
        data_ := NULL;
        RETURN;
    END IF;
    INSERT INTO sequere_event (
        occurred_at, recorded_at, stream, version, schema_version, type,
        actor_identifier, actor_object_id, target_identifier, target_object_id, verb, data, metadata
    ) VALUES (
        date_, now_, stream_, 2, data_version, type_,
        identifiers[1], object_ids[1], identifiers[3], COALESCE(object_ids[3], ''), verb_, data_, metadata_
    ) RETURNING id INTO deleted_id;

    DELETE FROM sequere_timeline_database_savedaction WHERE id = saved_id;
    DELETE FROM sequere_timeline_database_entry WHERE feed = uids[2] AND date = saved_at AND action_id = saved_id;
    IF is_own THEN
        DELETE FROM sequere_queuedevent WHERE queue = queue_ AND event_id = saved_id;
        DELETE FROM sequere_timeline_database_entry AS entry USING sequere_database_relation AS follower
        WHERE follower.graph = (SELECT number FROM sequere_graph WHERE type = graph_type AND scope = graph_scope)
        AND follower.to_uid = uids[1]
        AND entry.feed = follower.from_uid AND entry.date = saved_at AND entry.action_id = saved_id;
        GET DIAGNOSTICS reached = ROW_COUNT;
        DELETE FROM sequere_timeline_database_entry AS entry
        USING sequere_event AS e CROSS JOIN LATERAL (
            SELECT uid FROM sequere_resource
            WHERE identifier = e.actor_identifier AND object_id = e.actor_object_id LIMIT 1
        ) AS follower
        WHERE e.target_identifier = identifiers[1] AND e.target_object_id = object_ids[1] AND e.type = ended
        AND entry.feed = follower.uid AND entry.date = saved_at AND entry.action_id = saved_id;
        GET DIAGNOSTICS former = ROW_COUNT;
        reached := reached + former;
    END IF;
END
$$
