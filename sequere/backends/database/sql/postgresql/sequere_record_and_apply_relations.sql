-- Records relations (sequere_record_relations) and applies them at once (sequere_apply_relations): one call for a
-- projection that is inline.
--
-- $1, $2 the type and the scope of the graph; then the parameters of sequere_record_relations. Answers the same.
-- Cost: that of both.
CREATE OR REPLACE FUNCTION sequere_record_and_apply_relations(
    graph_type text, graph_scope text,
    begun text, ended text, begins boolean, data_version smallint, only_unknown boolean,
    from_identifiers text[], from_object_ids text[], to_identifiers text[], to_object_ids text[],
    streams uuid[], opposites uuid[], times timestamptz[], now_ timestamptz, metadata_ jsonb,
    OUT news int[], OUT event_ids bigint[], OUT versions int[], OUT happened timestamptz[],
    OUT from_uids bigint[], OUT to_uids bigint[]
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    SELECT * INTO news, event_ids, versions, happened, from_uids, to_uids
    FROM sequere_record_relations(
        begun, ended, begins, data_version, only_unknown,
        from_identifiers, from_object_ids, to_identifiers, to_object_ids,
        streams, opposites, times, now_, metadata_
    );
    IF news IS NOT NULL THEN
        PERFORM sequere_apply_relations(
            graph_type, graph_scope, begun,
            (SELECT array_agg(streams[place] ORDER BY nth) FROM unnest(news) WITH ORDINALITY AS new (place, nth)),
            (SELECT array_agg(opposites[place] ORDER BY nth) FROM unnest(news) WITH ORDINALITY AS new (place, nth)),
            from_uids, to_uids
        );
    END IF;
END
$$
