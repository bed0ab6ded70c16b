-- Decides whether relations of a graph begin or end, and appends their events: what log/recording.py does for any
-- event, in one call. Looks without locks, locks the resources of what is news (sequere_lock_resources), and looks
-- again: each statement in here sees what others have committed before it, so only the second look decides.
--
-- $1, $2 the types of the events that begin and end them; $3 the scope of the graph, NULL for ''; $4 whether they begin
-- now (else they end), $5 the version of the data of these events; $6 whether only those begin that the log does not
-- know; $7 the type of the relations that keep them from beginning while one end has one to the other, NULL for none,
-- and $8 whether those are left out; $9 the type of the relations that ask for them, NULL for none; $10 to $16 of each
-- relation, by its place: the keys of its two ends, its stream and that of its opposite, and when it happens, NULL for
-- now (of one, or of all); $17 now; $18 the metadata of all events.
-- Answers the places of the relations whose events were appended, and by these, the events, their versions,
-- the streams of the relations and of their opposites, and the uids and kinds of the two ends; NULL for none. A relation
-- that is given twice is recorded once. Raises SQ001, with a stream and a type as its message, if something else was
-- recorded on the stream of a relation; SQ002, with the place of one, if it must not begin and is not left out; and
-- SQ003 if somebody asks for one of those that begin, or of those that should end: record() closes the request as well.
-- {there}, {back}: the streams of what keeps a relation from beginning.
-- Cost: a lookup for each relation, and seven more and an event for each that is news.
CREATE OR REPLACE FUNCTION sequere_record_relations(
    begun text, ended text, scope_ text, begins boolean, data_version smallint, only_unknown boolean,
    refused_by text, leaves_out boolean, asking text,
    from_identifiers text[], from_object_ids text[], to_identifiers text[], to_object_ids text[],
    streams_ uuid[], opposites_ uuid[], times timestamptz[], now_ timestamptz, metadata_ jsonb,
    OUT places int[], OUT event_ids bigint[], OUT versions int[],
    OUT streams uuid[], OUT opposites uuid[], OUT from_uids bigint[], OUT to_uids bigint[],
    OUT from_kinds smallint[], OUT to_kinds smallint[]
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    parity int := CASE WHEN begins THEN 0 ELSE 1 END;
    foreign_one text;
    looked_at int[];
    number int;
    identifiers text[];
    object_ids text[];
    uids bigint[];
    refused int[];
BEGIN
    SELECT array_agg(given.place::int) FILTER (
               WHERE COALESCE(last.version, 0) % 2 = parity AND NOT (only_unknown AND last.version IS NOT NULL)
           ),
           MIN(given.stream || ' ' || last.type) FILTER (WHERE last.type NOT IN (begun, ended))
    INTO looked_at, foreign_one
    FROM unnest(streams_) WITH ORDINALITY AS given (stream, place)
    LEFT JOIN LATERAL (
        SELECT version, type FROM sequere_event WHERE stream = given.stream ORDER BY version DESC LIMIT 1
    ) last ON true;
    IF foreign_one IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'SQ001', MESSAGE = foreign_one;
    END IF;
    IF NOT begins THEN
        IF sequere_has_request(
            asking, scope_, from_identifiers, from_object_ids, to_identifiers, to_object_ids,
            ARRAY(SELECT generate_subscripts(streams_, 1))
        ) THEN
            RAISE EXCEPTION USING ERRCODE = 'SQ003';
        END IF;
    END IF;
    IF looked_at IS NULL THEN
        RETURN;
    END IF;

    number := cardinality(looked_at);
    IF number = cardinality(streams_) THEN
        identifiers := from_identifiers || to_identifiers;
        object_ids := from_object_ids || to_object_ids;
    ELSE
        identifiers := ARRAY(SELECT from_identifiers[place] FROM unnest(looked_at) AS place)
            || ARRAY(SELECT to_identifiers[place] FROM unnest(looked_at) AS place);
        object_ids := ARRAY(SELECT from_object_ids[place] FROM unnest(looked_at) AS place)
            || ARRAY(SELECT to_object_ids[place] FROM unnest(looked_at) AS place);
    END IF;
    uids := sequere_lock_resources(identifiers, object_ids); -- those from which they lead, then those to which

    IF EXISTS (SELECT 1 FROM sequere_graph WHERE type = refused_by) THEN
        SELECT array_agg(place) INTO refused FROM unnest(looked_at) AS place WHERE EXISTS (
            SELECT 1 FROM (VALUES ({there}), ({back})) AS ways (stream)
            CROSS JOIN LATERAL (
                SELECT version FROM sequere_event WHERE stream = ways.stream ORDER BY version DESC LIMIT 1
            ) last
            WHERE last.version % 2 = 1
        );
        IF NOT leaves_out AND refused IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'SQ002', MESSAGE = refused[1]::text;
        END IF;
    END IF;

    IF begins AND sequere_has_request(
        asking, scope_, from_identifiers, from_object_ids, to_identifiers, to_object_ids, looked_at
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'SQ003';
    END IF;

    WITH decided AS MATERIALIZED (
        SELECT DISTINCT ON (given.stream) given.place, given.nth, given.stream, COALESCE(last.version, 0) + 1 AS version
        FROM (
            SELECT place, nth, streams_[place] AS stream FROM unnest(looked_at) WITH ORDINALITY AS given (place, nth)
        ) AS given
        LEFT JOIN LATERAL (
            SELECT version FROM sequere_event WHERE stream = given.stream ORDER BY version DESC LIMIT 1
        ) last ON true
        WHERE COALESCE(last.version, 0) % 2 = parity AND NOT (only_unknown AND last.version IS NOT NULL)
            AND (refused IS NULL OR given.place <> ALL (refused))
        ORDER BY given.stream, given.place
    ), appended AS (
        INSERT INTO sequere_event (
            occurred_at, recorded_at, stream, version, schema_version, type,
            actor_identifier, actor_object_id, target_identifier, target_object_id, scope, metadata
        )
        SELECT COALESCE(times[place], now_ + (row_number() OVER (ORDER BY place) - 1) * interval '1 microsecond'),
               now_, stream, version, data_version, CASE WHEN begins THEN begun ELSE ended END,
               from_identifiers[place], from_object_ids[place], to_identifiers[place], to_object_ids[place], scope_,
               metadata_
        FROM decided ORDER BY place
        RETURNING id, version
    ), placed AS (
        SELECT array_agg(place) AS places, array_agg(stream) AS streams, array_agg(opposites_[place]) AS opposites,
               array_agg(uids[nth]) AS from_uids, array_agg(uids[number + nth]) AS to_uids,
               array_agg((SELECT number FROM sequere_name WHERE role = 'kind' AND name = from_identifiers[place]))
                   AS from_kinds,
               array_agg((SELECT number FROM sequere_name WHERE role = 'kind' AND name = to_identifiers[place]))
                   AS to_kinds
        FROM (SELECT place, nth, stream FROM decided ORDER BY place) AS in_order
    ), listed AS (
        SELECT array_agg(id) AS event_ids, array_agg(version) AS versions
        FROM (SELECT * FROM appended ORDER BY id) AS in_order
    )
    -- Ids are handed out in the order of the places. A join would compare each with each.
    SELECT placed.places, listed.event_ids, listed.versions, placed.streams, placed.opposites,
           placed.from_uids, placed.to_uids, placed.from_kinds, placed.to_kinds
    INTO places, event_ids, versions, streams, opposites, from_uids, to_uids, from_kinds, to_kinds
    FROM placed, listed;
END
$$
