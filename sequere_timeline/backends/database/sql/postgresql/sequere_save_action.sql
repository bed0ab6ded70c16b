-- Records an action that nobody has saved before, and applies it at once: what log/recording.py and TimelinesProjector
-- do for any action, in one call. Locks the resources (sequere_lock_resources); what stands below sees what others have
-- committed before. The entries need no look for older ones: there are none of a new action.
--
-- $1, $2 the type of the event and the version of its data; $3 the stream of the action; $4, $5 the keys of its actor,
-- of the owner of the timeline, and of its target if it has one; $6 the streams of their lives; $7 the verb, $8 when it
-- happened, $9 now, $10 the metadata, NULL for none; $11, $12 the type and the scope of the graph whose relations are
-- followed; $13 the keyword arguments.
-- Answers the id of the event, how often each of the resources was deleted before, and how many followers it has
-- reached: NULL if the timeline is another one than the actor's.
-- Cost: five lookups for each resource, an event, an action, an entry; and an entry for each follower.
CREATE OR REPLACE FUNCTION sequere_save_action(
    type_ text, data_version smallint, stream_ uuid, identifiers text[], object_ids text[], lives uuid[],
    verb_ text, date_ timestamptz, now_ timestamptz, metadata_ jsonb, graph_type text, graph_scope text, kwargs_ jsonb,
    OUT saved_id bigint, OUT generations int[], OUT reached bigint
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    uids bigint[];
BEGIN
    uids := sequere_lock_resources(identifiers, object_ids);
    SELECT array_agg(COALESCE(last.version, 0) ORDER BY place) INTO generations
    FROM unnest(lives) WITH ORDINALITY AS life (stream, place)
    LEFT JOIN LATERAL (
        SELECT version FROM sequere_event WHERE stream = life.stream ORDER BY version DESC LIMIT 1
    ) last ON true;
    INSERT INTO sequere_event (
        occurred_at, recorded_at, stream, version, schema_version, type,
        actor_identifier, actor_object_id, target_identifier, target_object_id, verb, data, metadata
    ) VALUES (
        date_, now_, stream_, 1, data_version, type_,
        identifiers[1], object_ids[1], identifiers[3], COALESCE(object_ids[3], ''), verb_,
        jsonb_build_object(
            'kwargs', kwargs_,
            'owners', jsonb_build_array(jsonb_build_array(identifiers[2], object_ids[2], generations[2])),
            'generations', jsonb_build_object('actor', generations[1], 'target', generations[3])
        ),
        metadata_
    ) RETURNING id INTO saved_id;

    INSERT INTO sequere_timeline_database_savedaction (
        id, date, actor_uid, target_uid, published_event_id, uid, target_deleted, verb, kwargs
    ) VALUES (
        saved_id, date_, uids[1], uids[3], CASE WHEN uids[1] = uids[2] THEN saved_id END, stream_, false, verb_,
        NULLIF(kwargs_, '{}')
    );
    INSERT INTO sequere_timeline_database_entry (feed, date, action_id, extra)
    VALUES (uids[2], date_, saved_id, CASE WHEN uids[1] = uids[2] THEN 1 ELSE 2 END);
    IF uids[1] = uids[2] THEN
        INSERT INTO sequere_timeline_database_entry (feed, date, action_id)
        SELECT from_uid, date_, saved_id FROM sequere_database_relation
        WHERE graph = (SELECT number FROM sequere_graph WHERE type = graph_type AND scope = graph_scope)
        AND to_uid = uids[1] ORDER BY from_uid;
        GET DIAGNOSTICS reached = ROW_COUNT;
    END IF;
END
$$
