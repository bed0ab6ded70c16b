-- Those of some resources that have ever been at an end of a relation.
-- {names}: a SELECT of their identifiers and object_ids. {begun}: the types of the events that begin relations.
-- Cost: two lookups for each resource. No condition on the version: with one, SQLite would read all relations for each.
SELECT identifier, object_id FROM ({names}) name WHERE EXISTS (
    SELECT 1 FROM sequere_event WHERE type IN ({begun})
    AND actor_identifier = name.identifier AND actor_object_id = name.object_id
) OR EXISTS (
    SELECT 1 FROM sequere_event WHERE type IN ({begun})
    AND target_identifier = name.identifier AND target_object_id = name.object_id
)
