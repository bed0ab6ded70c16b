-- The last events of some relations, each with the uids of both ends.
-- {given}: a SELECT of streams, with its parameters. {last}: what JOIN takes, the last event of a stream.
-- Cost: three lookups for each.
SELECT last.id,
    (SELECT uid FROM sequere_resource
     WHERE identifier = last.actor_identifier AND object_id = last.actor_object_id LIMIT 1),
    (SELECT uid FROM sequere_resource
     WHERE identifier = last.target_identifier AND object_id = last.target_object_id LIMIT 1)
FROM ({given}) given JOIN {last}
