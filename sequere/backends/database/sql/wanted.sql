-- Begins a statement about some relations of a graph: `wanted` has a row for each, with what the log wants to be
-- stored, or NULLs if it wants nothing. Two opposite relations are mutual since the later of both, the same for both.
-- {given}: a SELECT of the stream of each relation and that of its opposite, the other way round, and of the uids and
-- the kinds of its two ends; with its parameters.
-- {is_active}: the condition that no end is suspended, or that it does not matter. {last_event}, {last_of_opposite}: what
-- joins their last events, if these began them and they are active.
-- {sides}: SELECTs the relations from the pairs, one or both of each.
-- Cost: a lookup for each stream. MATERIALIZED keeps PostgreSQL from computing an opposite more than once.
WITH related (stream, opposite, from_uid, to_uid, from_kind, to_kind) AS ({given}),
given AS MATERIALIZED (SELECT related.*, {is_active} AS is_active FROM related),
pair AS (
    SELECT given.from_uid, given.to_uid, given.from_kind, given.to_kind,
           e.id AS id, e.occurred_at AS since, b.id AS opposite_id, b.occurred_at AS opposite_since,
           CASE WHEN b.id IS NULL OR e.id IS NULL THEN NULL
                WHEN b.occurred_at > e.occurred_at THEN b.occurred_at ELSE e.occurred_at END AS mutual_since
    FROM given LEFT JOIN {last_event} LEFT JOIN {last_of_opposite}
),
wanted (from_uid, to_uid, {columns}) AS ({sides})
