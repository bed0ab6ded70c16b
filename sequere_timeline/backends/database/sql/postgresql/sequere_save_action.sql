-- Records an action that nobody has saved before (sequere_record_action), and applies it at once: what TimelinesProjector
-- does for any action, in one call. The entries need no look for older ones: there are none of a new action.
--
-- $1 to $11 are those of sequere_record_action; $12, $13 the type and the scope of the graph whose relations are
-- followed.
-- Answers the id of the event, how often each of the resources was deleted before, and how many followers it has
-- reached: NULL if the timeline is another one than the actor's.
-- Cost: that of sequere_record_action, an action, an entry; and an entry for each follower.
CREATE OR REPLACE FUNCTION sequere_save_action(
    type_ text, data_version smallint, stream_ uuid, identifiers text[], object_ids text[], lives uuid[],
    verb_ text, date_ timestamptz, now_ timestamptz, metadata_ jsonb, kwargs_ jsonb, graph_type text, graph_scope text,
    OUT saved_id bigint, OUT generations int[], OUT reached bigint
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    uids bigint[];
BEGIN
    SELECT recorded.* INTO saved_id, generations, uids FROM sequere_record_action(
        type_, data_version, stream_, identifiers, object_ids, lives, verb_, date_, now_, metadata_, kwargs_
    ) AS recorded;
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
