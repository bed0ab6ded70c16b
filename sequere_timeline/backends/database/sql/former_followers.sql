-- Those who have ended a follow of a resource, in the order in which they did: their uids, and the ids of these events.
-- To be followed by a LIMIT.
-- {log}: the table of the events. {ended}: the type of the events that end a follow. {join}, {resource}: what joins the
-- resource of each.
-- Parameters: the key of the resource, and the id behind which to begin.
-- Cost: a range of the index of targets, and a lookup for each.
SELECT r.uid, e.id FROM {log} e {join} {resource}
WHERE e.target_identifier = %s AND e.target_object_id = %s AND e.id > %s AND e.type = {ended}
    AND e.scope IS NULL ORDER BY e.id
