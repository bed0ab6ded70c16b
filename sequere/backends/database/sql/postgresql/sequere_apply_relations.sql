-- Makes relations of a graph and their counts what the log says, in both directions, as the statements of statements.py
-- do: the same, planned once.
-- {write}: these statements.
--
-- $1, $2 the type and the scope of the graph; $3 the type of the events that begin its relations; $4 whether they begin
-- now, which does not matter here; $5 to $10 of each relation: its stream and that of its opposite, and the uids and the
-- kinds of its two ends. Both ends are locked.
-- Cost: that of the statements.
CREATE OR REPLACE FUNCTION sequere_apply_relations(
    graph_type text, graph_scope text, begun text, begins boolean,
    streams uuid[], opposites uuid[], from_uids bigint[], to_uids bigint[], from_kinds smallint[], to_kinds smallint[]
) RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    graph_number smallint;
BEGIN
    SELECT number INTO graph_number FROM sequere_graph WHERE type = graph_type AND scope = graph_scope;
    IF NOT FOUND THEN
        INSERT INTO sequere_graph (type, scope) VALUES (graph_type, graph_scope)
        ON CONFLICT (type, scope) DO NOTHING;
        SELECT number INTO graph_number FROM sequere_graph WHERE type = graph_type AND scope = graph_scope;
    END IF;
    {write};
END
$$
