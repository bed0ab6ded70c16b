-- The resources in a range from which relations lead that are not stored as the log wants them: their uids in order, and
-- how many relations of theirs the log knows. Since when they are mutual is not looked at.
-- {graphs}, {begun}, {changes}: the numbers of all graphs, and the types of the events that begin relations, and of all
-- about relations. {in_range}: whether a uid is in the range. {graph}, {event}, {other}, {kind}, {other_kind}: what joins
-- the graph of a stored relation, the event that it comes from, the resource that it leads to, and the kinds of both ends.
-- {begun_of_type}: the type of the events that begin relations of the type of the graph. {of_actor}: whether an event is
-- about the resource.
-- Parameters: the bounds of the range.
-- Cost: four lookups for each stored relation, and reads the events of each resource. If all that is stored is wanted, and
-- it is as much as the log wants, nothing is missing. It is found resource by resource, for who asks only for the first.
SELECT f.uid, (SELECT COUNT(*) FROM sequere_event e WHERE {of_actor} AND e.type IN ({begun}) AND e.version = 1)
FROM sequere_resource f
WHERE {in_range} AND (
    EXISTS (
        SELECT 1 FROM sequere_database_relation stored
        LEFT JOIN {graph} LEFT JOIN {event} LEFT JOIN {other} LEFT JOIN {kind} LEFT JOIN {other_kind}
        WHERE stored.graph IN ({graphs}) AND stored.from_uid = f.uid AND (
            e.type = {begun_of_type} AND COALESCE(e.scope, '') = g.scope AND {of_actor}
            AND e.target_identifier = t.identifier AND e.target_object_id = t.object_id
            AND stored.from_kind = f_kind.number AND stored.to_kind = t_kind.number AND stored.since = e.occurred_at
            AND NOT EXISTS (SELECT 1 FROM sequere_event later WHERE later.stream = e.stream AND later.version > e.version)
        ) IS NOT TRUE
    )
    OR (
        SELECT COUNT(*) FROM sequere_database_relation stored WHERE stored.graph IN ({graphs}) AND stored.from_uid = f.uid
    ) <> (
        SELECT COALESCE(SUM(CASE WHEN e.type IN ({begun}) THEN 1 ELSE -1 END), 0) FROM sequere_event e
        WHERE {of_actor} AND e.type IN ({changes})
    )
)
ORDER BY f.uid
