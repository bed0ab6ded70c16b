-- The resources in a range from which relations lead that are not stored as the log wants them: their uids in order, and
-- how many relations of theirs the log knows. Since when they are mutual is not looked at.
-- {graphs}, {begun}, {changes}: the numbers of all graphs, and the types of the events that begin relations, and of all
-- about relations. {in_range}: whether a uid is in the range. {kind}: what joins the kind of the resource. {graph}, {other},
-- {other_kind}: what joins the graph of a stored relation, the resource that it leads to, and its kind. {begun_of_type}: the
-- type of the events that begin relations of the type of the graph. {of_actor}: whether an event is about the resource.
-- {pausing}: the types of those that begin relations which are not wanted while an end is suspended.
-- Parameters: the bounds of the range.
-- Cost: reads the events of each resource and what is stored, with a lookup for each stored relation, and sorts the events.
-- What is wanted and what is stored must be the same rows. It is found resource by resource, for a caller that needs
-- only the first.
SELECT f.uid, (SELECT COUNT(*) FROM sequere_event e WHERE {of_actor} AND e.type IN ({begun}) AND e.version = 1)
FROM sequere_resource f LEFT JOIN {kind}
WHERE {in_range} AND EXISTS (
    SELECT 1 FROM (
        SELECT id, type, scope, target_identifier, target_object_id, since, true AS is_of_kinds, 1 AS side
        FROM (
            SELECT id, type, COALESCE(scope, '') AS scope, target_identifier, target_object_id, occurred_at AS since,
                   LEAD(version) OVER (PARTITION BY stream ORDER BY version) AS later
            FROM sequere_event e WHERE {of_actor} AND e.type IN ({changes})
        ) events
        WHERE later IS NULL AND type IN ({begun}) AND CASE
            WHEN type IN ({pausing}) AND (f.is_suspended OR (target_identifier, target_object_id) IN (
                SELECT identifier, object_id FROM sequere_resource WHERE is_suspended
            )) THEN false ELSE true
        END
        UNION ALL
        SELECT stored.event_id, {begun_of_type}, g.scope, t.identifier, t.object_id, stored.since,
               stored.from_kind = f_kind.number AND stored.to_kind = t_kind.number, -1
        FROM sequere_database_relation stored LEFT JOIN {graph} LEFT JOIN {other} LEFT JOIN {other_kind}
        WHERE stored.graph IN ({graphs}) AND stored.from_uid = f.uid
    ) sides
    GROUP BY id, type, scope, target_identifier, target_object_id, since, is_of_kinds HAVING SUM(side) <> 0
)
ORDER BY f.uid
