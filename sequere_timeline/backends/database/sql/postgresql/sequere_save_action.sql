-- Records an action that nobody has saved before, and applies it at once: what log/recording.py and TimelinesProjector do for
-- any action, in one call. Creates and locks the resources as lock() does; what stands below sees what others have
-- committed before. The entries need no look for older ones: there are none of a new action.
--
-- $1 the stream of the action; $2, $3 the keys of its actor, of the owner of the timeline, and of its target if it has one;
-- $4 the streams of their lives; $5 the verb, $6 when it happened, $7 now, $8 the keyword arguments; $9 the metadata,
-- NULL for none; $10, $11 the type and the scope of the graph whose relations are followed.
-- Answers the id of the event, how often each of the resources was deleted before, and how many followers it has reached:
-- NULL if the timeline is another one than the actor's.
-- Cost: five lookups for each resource, an event, an action, an entry; and an entry for each follower.
CREATE OR REPLACE FUNCTION sequere_save_action(
    stream_ uuid, identifiers text[], object_ids text[], lives uuid[],
    verb_ text, date_ timestamptz, now_ timestamptz, kwargs_ jsonb, metadata_ jsonb, graph_type text, graph_scope text,
    OUT saved_id bigint, OUT generations int[], OUT reached bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    uids bigint[];
BEGIN
    LOOP
        SELECT array_agg(known.uid ORDER BY place) INTO uids
        FROM unnest(identifiers, object_ids) WITH ORDINALITY AS given (identifier, object_id, place)
        CROSS JOIN LATERAL (
            SELECT uid FROM sequere_resource
            WHERE identifier = given.identifier AND object_id = given.object_id LIMIT 1
        ) AS known;
        EXIT WHEN cardinality(uids) = cardinality(identifiers);
        INSERT INTO sequere_resource (identifier, object_id)
        SELECT DISTINCT identifier COLLATE "C", object_id COLLATE "C"
        FROM unnest(identifiers, object_ids) AS given (identifier, object_id)
        ORDER BY 1, 2 ON CONFLICT DO NOTHING;
        INSERT INTO sequere_name (role, name)
        SELECT DISTINCT 'kind', kind FROM unnest(identifiers) AS kind
        WHERE NOT EXISTS (SELECT 1 FROM sequere_name WHERE role = 'kind' AND name = kind)
        ORDER BY 2 ON CONFLICT DO NOTHING;
    END LOOP;
    PERFORM 1 FROM sequere_resource WHERE uid = ANY (uids) ORDER BY uid FOR NO KEY UPDATE;

    SELECT array_agg(COALESCE(last.version, 0) ORDER BY place) INTO generations
    FROM unnest(lives) WITH ORDINALITY AS life (stream, place)
    LEFT JOIN LATERAL (
        SELECT version FROM sequere_event WHERE stream = life.stream ORDER BY version DESC LIMIT 1
    ) last ON true;
    INSERT INTO sequere_event (
        occurred_at, recorded_at, stream, version, schema_version, type,
        actor_identifier, actor_object_id, target_identifier, target_object_id, verb, data, metadata
    ) VALUES (
        date_, now_, stream_, 1, 1, 'action_saved',
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
