-- Those who have ever followed a resource, in the order in which they did so first: the ids of these events, and their
-- actors. To be followed by a LIMIT.
-- {log}: the table of the events. {followed}: the type of the events that begin a follow.
-- Parameters: the key of the resource, and the id behind which to begin.
-- Cost: a range of the index of targets.
SELECT id, actor_identifier, actor_object_id FROM {log}
WHERE target_identifier = %s AND target_object_id = %s AND id > %s AND type = {followed} AND version = 1 ORDER BY id
