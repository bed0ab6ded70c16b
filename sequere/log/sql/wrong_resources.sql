-- The resources at the ends of some events that have no row, or several, and how many they have.
-- {events}: a SELECT of the ends of events, with its parameters.
-- Cost: a lookup for each resource.
WITH event AS ({events})
SELECT identifier, object_id, number FROM (
    SELECT identifier, object_id, (
        SELECT COUNT(*) FROM sequere_resource one
        WHERE one.identifier = named.identifier AND one.object_id = named.object_id
    ) AS number
    FROM (
        SELECT actor_identifier AS identifier, actor_object_id AS object_id FROM event
        UNION SELECT target_identifier, target_object_id FROM event WHERE target_identifier IS NOT NULL
    ) named
) counted WHERE number <> 1 ORDER BY identifier, object_id
