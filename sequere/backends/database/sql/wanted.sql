-- Begins a statement about some relations: `wanted` has a row for each, with the follow that the log wants to be stored,
-- or NULLs if it wants none. Two resources are friends since the later of their two follows, the same for both; times
-- and events are compared together, so that the event decides between equal times.
-- {given}: a SELECT of the stream of each relation and that of its opposite, the other way round; with its parameters.
-- {of_event}, {of_opposite}: the columns of their last events. {last_event}, {last_of_opposite}: what joins these.
-- {columns}: those of a follow. {sides}: SELECTs the follows from the pairs, one or both of each.
-- Cost: a lookup for each stream. MATERIALIZED keeps PostgreSQL from computing an opposite more than once.
WITH given (stream, opposite) AS MATERIALIZED ({given}),
pair AS (
    SELECT given.stream AS one, given.opposite AS other, {of_event}, {of_opposite},
           CASE WHEN (b.occurred_at, b.id) > (e.occurred_at, e.id) THEN b.occurred_at
                WHEN b.id IS NOT NULL THEN e.occurred_at END AS friends_at,
           CASE WHEN (b.occurred_at, b.id) > (e.occurred_at, e.id) THEN b.id
                WHEN b.id IS NOT NULL THEN e.id END AS friends_event_id
    FROM given LEFT JOIN {last_event} LEFT JOIN {last_of_opposite}
),
wanted (relation, {columns}) AS ({sides})
