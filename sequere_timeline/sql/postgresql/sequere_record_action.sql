-- Records an action that nobody has saved before: what log/recording.py does for any event, in one call. Locks the
-- resources (sequere_lock_resources); what stands below sees what others have committed before. The verb gets a number
-- if it has none.
--
-- $1, $2 the type of the event and the version of its data; $3 the stream of the action; $4, $5 the keys of its actor,
-- of the owner of the timeline, and of its target if it has one; $6 the streams of their lives; $7 the verb, $8 when it
-- happened, $9 now, $10 the metadata, NULL for none; $11 the keyword arguments.
-- Answers the id of the event, how often each of the resources was deleted before, and their uids.
-- Cost: five lookups for each resource, one for the verb, and an event.
CREATE OR REPLACE FUNCTION sequere_record_action(
    type_ text, data_version smallint, stream_ uuid, identifiers text[], object_ids text[], lives uuid[],
    verb_ text, date_ timestamptz, now_ timestamptz, metadata_ jsonb, kwargs_ jsonb,
    OUT saved_id bigint, OUT generations int[], OUT uids bigint[]
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
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
    IF NOT EXISTS (SELECT 1 FROM sequere_name WHERE role = 'verb' AND name = verb_) THEN
        INSERT INTO sequere_name (role, name) VALUES ('verb', verb_) ON CONFLICT (role, name) DO NOTHING;
    END IF;
END
$$
