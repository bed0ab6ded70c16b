-- Gives the owners of private timelines what follows that begin justify, or takes what follows that have ended justify no
-- longer: the statements of private.py, planned once.
-- {grant}, {revoke}: these statements.
--
-- The parameters are those of Projector.relations_function().
-- Cost: a lookup for each, if nobody has published anything; otherwise that of one of the statements.
CREATE OR REPLACE FUNCTION sequere_apply_follows(
    graph_type text, graph_scope text, begun text, begins boolean,
    streams uuid[], opposites uuid[], from_uids bigint[], to_uids bigint[], from_kinds smallint[], to_kinds smallint[]
) RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM sequere_timeline_database_savedaction
        WHERE actor_uid = ANY (to_uids) AND published_event_id IS NOT NULL
    ) THEN
        RETURN;
    END IF;
    IF begins THEN
        {grant};
    ELSE
        {revoke};
    END IF;
END
$$
