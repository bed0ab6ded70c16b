-- Goes on after changed.sql: adds to the counts what changes, both for who is followed and for who follows.
-- {insert_counts}: INSERT INTO the counts. {add_numbers}: what ends it, where there is a count.
-- Cost: a lookup for each count that changes.
{insert_counts}
SELECT identifier, object_id, other_identifier, SUM(followers), SUM(followings), SUM(friends) FROM (
    SELECT to_identifier AS identifier, to_object_id AS object_id, from_identifier AS other_identifier,
           1 AS followers, 0 AS followings, 0 AS friends FROM changed WHERE stream IS NOT NULL
    UNION ALL
    SELECT old_to_identifier, old_to_object_id, old_from_identifier, -1, 0, 0 FROM changed WHERE old_stream IS NOT NULL
    UNION ALL
    SELECT from_identifier, from_object_id, to_identifier,
           0, 1, CASE WHEN friends_event_id IS NULL THEN 0 ELSE 1 END FROM changed WHERE stream IS NOT NULL
    UNION ALL
    SELECT old_from_identifier, old_from_object_id, old_to_identifier,
           0, -1, CASE WHEN old_friends_event_id IS NULL THEN 0 ELSE -1 END FROM changed WHERE old_stream IS NOT NULL
) AS moved
GROUP BY identifier, object_id, other_identifier
HAVING SUM(followers) <> 0 OR SUM(followings) <> 0 OR SUM(friends) <> 0
{add_numbers}
