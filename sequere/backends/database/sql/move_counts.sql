-- Goes on after changed.sql: adds to the counts what changes, at both ends.
-- {insert_counts}: INSERT INTO the counts. {graph}: the number of the graph. {add_numbers}: what ends it, where there
-- is a count.
-- Cost: a lookup for each count that changes.
{insert_counts}
SELECT {graph}, kind, uid, SUM(incoming), SUM(outgoing), SUM(mutual) FROM (
    SELECT to_uid AS uid, from_kind AS kind, 1 AS incoming, 0 AS outgoing, 0 AS mutual
    FROM changed WHERE event_id IS NOT NULL
    UNION ALL
    SELECT to_uid, old_from_kind, -1, 0, 0 FROM changed WHERE old_event_id IS NOT NULL
    UNION ALL
    SELECT from_uid, to_kind, 0, 1, CASE WHEN mutual_since IS NULL THEN 0 ELSE 1 END
    FROM changed WHERE event_id IS NOT NULL
    UNION ALL
    SELECT from_uid, old_to_kind, 0, -1, CASE WHEN old_mutual_since IS NULL THEN 0 ELSE -1 END
    FROM changed WHERE old_event_id IS NOT NULL
) AS moved
GROUP BY uid, kind
HAVING SUM(incoming) <> 0 OR SUM(outgoing) <> 0 OR SUM(mutual) <> 0
ORDER BY uid, kind
{add_numbers}
