-- Creates the resources that are missing among some, in the order of their keys, in which everybody creates them.
-- Whoever creates the same ones is waited for. A resource that is there costs no number of the sequence.
-- {given}: a SELECT of identifiers and object_ids, with its parameters. {insert}: INSERT INTO the resources. {order}:
-- the order of the keys. {ignore}: what ends it, where somebody else was faster.
-- Cost: a lookup for each.
{insert} SELECT identifier, object_id FROM ({given}) given WHERE NOT EXISTS (
    SELECT 1 FROM sequere_resource known
    WHERE known.identifier = given.identifier AND known.object_id = given.object_id
) ORDER BY {order} {ignore} RETURNING identifier
