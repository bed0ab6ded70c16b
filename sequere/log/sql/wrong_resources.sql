-- Those of some resources that have no row, or several, and how many they have.
-- {names}: a SELECT of their identifiers and object_ids, with its parameters.
-- Cost: a lookup for each.
WITH named (identifier, object_id) AS ({names})
SELECT identifier, object_id, number FROM (
    SELECT identifier, object_id, (
        SELECT COUNT(*) FROM sequere_resource one
        WHERE one.identifier = named.identifier AND one.object_id = named.object_id
    ) AS number
    FROM named
) counted WHERE number <> 1 ORDER BY identifier, object_id
