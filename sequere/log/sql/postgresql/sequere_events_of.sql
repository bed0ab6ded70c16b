-- All events of some streams, and the last ones of others, in the order of the log, planned once: as reading.py asks for
-- them elsewhere.
--
-- $1 the streams; $2 those of which the last event is enough.
-- Cost: two lookups for each stream.
CREATE OR REPLACE FUNCTION sequere_events_of(whole uuid[], latest uuid[]) RETURNS SETOF sequere_event LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT event.* FROM unnest(whole) AS given (stream) JOIN sequere_event event USING (stream)
    UNION ALL
    SELECT last.* FROM unnest(latest) AS given (stream) CROSS JOIN LATERAL (
        SELECT * FROM sequere_event WHERE stream = given.stream ORDER BY version DESC LIMIT 1
    ) last
    ORDER BY id;
END
$$
