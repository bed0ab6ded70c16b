-- Begins a statement about the counts of the resources in a range: `changed` has a row for each count that is not what
-- the follows say, with what it should be and what it is.
-- {followed}, {following}, {counted}: whether the one followed, the follower, the resource of a count is in the range.
-- {key}: the columns that name a count. {numbers}, {old_numbers}: what it should say, and what it says.
-- {sums}: the sums of both. {differ}: whether these differ.
-- Parameters: the bounds of the range, three times.
-- Cost: reads the follows and counts of the range. Each side is counted first, so that little is left to be sorted; the
-- sides are added up and not joined, since PostgreSQL, wrong about sizes, may join each row with all others.
WITH side ({key}, {numbers}, {old_numbers}) AS (
    SELECT to_identifier, to_object_id, from_identifier, COUNT(*), 0, 0, 0, 0, 0
    FROM sequere_database_follow WHERE {followed} GROUP BY to_identifier, to_object_id, from_identifier
    UNION ALL
    SELECT from_identifier, from_object_id, to_identifier, 0, COUNT(*), COUNT(friends_event_id), 0, 0, 0
    FROM sequere_database_follow WHERE {following} GROUP BY from_identifier, from_object_id, to_identifier
    UNION ALL
    SELECT {key}, 0, 0, 0, {numbers} FROM sequere_database_followcount WHERE {counted}
),
changed ({key}, {numbers}, {old_numbers}) AS (
    SELECT {key}, {sums} FROM side GROUP BY {key} HAVING {differ}
)
