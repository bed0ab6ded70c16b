-- Begins a statement about the counts of the resources in a range: `changed` has a row for each count that is not what
-- the relations say, with what it should be and what it is.
-- {graph}: the number of the graph. {to_it}, {from_it}, {of_it}: whether the resource at an end, or that of a count, is
-- in the range. {numbers}, {old_numbers}: what a count should say, and what it says. {sums}: the sums of both.
-- {differ}: whether these differ.
-- Parameters: the bounds of the range, three times.
-- Cost: reads the relations and counts of the range. Each side is counted first, so that little is left to be sorted;
-- the sides are added up and not joined, since PostgreSQL, wrong about sizes, may join each row with all others.
WITH side (uid, kind, {numbers}, {old_numbers}) AS (
    SELECT to_uid, from_kind, COUNT(*), 0, 0, 0, 0, 0
    FROM sequere_database_relation WHERE graph = {graph} AND {to_it} GROUP BY to_uid, from_kind
    UNION ALL
    SELECT from_uid, to_kind, 0, COUNT(*), COUNT(mutual_since), 0, 0, 0
    FROM sequere_database_relation WHERE graph = {graph} AND {from_it} GROUP BY from_uid, to_kind
    UNION ALL
    SELECT uid, kind, 0, 0, 0, {numbers} FROM sequere_database_count WHERE graph = {graph} AND {of_it}
),
changed (uid, kind, {numbers}, {old_numbers}) AS (
    SELECT uid, kind, {sums} FROM side GROUP BY uid, kind HAVING {differ}
)
