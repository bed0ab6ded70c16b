-- The resources in a range from which relations lead that are not mutual since the later one of them and of their stored
-- opposites, with the number of such relations; and the uids that no resource has, in order.
-- {graphs}: the numbers of all graphs. {from_it}, {to_it}: whether a relation leads from, or to, a uid in the range.
-- {resource}: what joins the resource. {differs_from}: compares values.
-- Parameters: the bounds of the range, twice.
-- Cost: reads the relations of the range from both sides. They are put together by sorting and not joined, since
-- PostgreSQL, wrong about sizes, may read all relations of a resource for each one. It comes after wrong_followers.sql:
-- what is wrong with both of two opposites, and fits, is repaired at one of them there, and found at the other one here.
SELECT from_uid, COUNT(*) FROM (
    SELECT graph, from_uid, to_uid, MAX(since) AS since, MAX(opposite_since) AS opposite_since,
           MAX(mutual_since) AS mutual_since
    FROM (
        SELECT graph, from_uid, to_uid, since, NULL AS opposite_since, mutual_since
        FROM sequere_database_relation WHERE graph IN ({graphs}) AND {from_it}
        UNION ALL
        SELECT graph, to_uid, from_uid, NULL, since, NULL
        FROM sequere_database_relation WHERE graph IN ({graphs}) AND {to_it}
    ) sides
    GROUP BY graph, from_uid, to_uid
) pair LEFT JOIN {resource}
WHERE since IS NOT NULL AND (f.uid IS NULL OR mutual_since {differs_from} CASE
    WHEN opposite_since > since THEN opposite_since WHEN opposite_since IS NOT NULL THEN since
END)
GROUP BY from_uid ORDER BY from_uid
