-- Those of some resources that have published something.
-- {actors}: a SELECT of their identifiers and object_ids, with its parameters.
-- Cost: a lookup for each, in the index of public timelines.
SELECT identifier, object_id FROM ({actors}) actor WHERE EXISTS (
    SELECT 1 FROM sequere_timeline_database_savedaction WHERE published_event_id IS NOT NULL
    AND actor_identifier = actor.identifier AND actor_object_id = actor.object_id
)
