-- Begins a statement about the counts of the resources in a range: `changed` has a row for each count that is not what
-- the relations say, with what it should be and what it is.
-- {graphs}: the numbers of all graphs. {to_it}, {from_it}, {of_it}: whether the resource at an end, or that of a count, is
-- in the range. {numbers}, {old_numbers}: what a count should say, and what it says. {sums}: the sums of both.
-- {differ}: whether these differ.
-- Parameters: the bounds of the range, three times.
-- Cost: reads the relations and counts of the range. Each side is counted first, so that little is left to be sorted;
-- the sides are added up and not joined, since PostgreSQL, wrong about sizes, may join each row with all others.
WITH side (graph, kind, uid, {numbers}, {old_numbers}) AS (
    SELECT graph, from_kind, to_uid, COUNT(*), 0, 0, 0, 0, 0
    FROM sequere_database_relation WHERE graph IN ({graphs}) AND {to_it} GROUP BY graph, to_uid, from_kind
    UNION ALL
    SELECT graph, to_kind, from_uid, 0, COUNT(*), COUNT(mutual_since), 0, 0, 0
    FROM sequere_database_relation WHERE graph IN ({graphs}) AND {from_it} GROUP BY graph, from_uid, to_kind
    UNION ALL
    SELECT graph, kind, uid, 0, 0, 0, {numbers} FROM sequere_database_count WHERE graph IN ({graphs}) AND {of_it}
),
changed (graph, kind, uid, {numbers}, {old_numbers}) AS (
    SELECT graph, kind, uid, {sums} FROM side GROUP BY graph, uid, kind HAVING {differ}
)
