-- What the last events of some relations say: both ends with their uids, and the score that the relation should have,
-- NULL if it is over.
-- {given}: a SELECT of streams, with its parameters. {last}: what JOIN takes, the last event of a stream. {score}: that
-- of its time. {begun}: the type of the events that begin a relation.
-- Cost: three lookups for each.
SELECT last.actor_identifier, last.actor_object_id,
    (SELECT uid FROM sequere_resource
     WHERE identifier = last.actor_identifier AND object_id = last.actor_object_id LIMIT 1),
    last.target_identifier, last.target_object_id,
    (SELECT uid FROM sequere_resource
     WHERE identifier = last.target_identifier AND object_id = last.target_object_id LIMIT 1),
    CASE WHEN last.type = '{begun}' THEN {score} END
FROM ({given}) given JOIN {last}
