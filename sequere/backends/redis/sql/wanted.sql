-- What the last events of some relations say: both ends with their uids, the score that the relation should have, NULL
-- if it is over, and the type and the scope of the event.
-- {given}: a SELECT of streams, with its parameters. {last}: what JOIN takes, the last event of a stream. {score}: that
-- of its time. {begun}: the types of the events that begin relations.
-- Cost: three lookups for each.
SELECT last.actor_identifier, last.actor_object_id,
    (SELECT uid FROM sequere_resource
     WHERE identifier = last.actor_identifier AND object_id = last.actor_object_id LIMIT 1),
    last.target_identifier, last.target_object_id,
    (SELECT uid FROM sequere_resource
     WHERE identifier = last.target_identifier AND object_id = last.target_object_id LIMIT 1),
    CASE WHEN last.type IN ({begun}) THEN {score} END,
    last.type, last.scope
FROM ({given}) given JOIN {last}
