-- The resources in a range from which relations lead that are not mutual since the later one of them and of their stored
-- opposites, with the number of such relations; and the uids that no resource has, in order.
-- {graphs}: the numbers of all graphs. {in_range}: whether a uid is in the range. {opposite}, {resource}: what joins the
-- stored opposite, and the resource. {differs_from}: compares values.
-- Parameters: the bounds of the range.
-- Cost: a lookup for each stored relation. It comes after wrong_followers.sql: what is wrong with both of two opposites,
-- and fits, is repaired at one of them there, and found at the other one here.
SELECT stored.from_uid, COUNT(*) FROM sequere_database_relation stored LEFT JOIN {opposite} LEFT JOIN {resource}
WHERE stored.graph IN ({graphs}) AND {in_range} AND (
    f.uid IS NULL OR stored.mutual_since {differs_from} CASE
        WHEN o.since IS NULL THEN NULL WHEN o.since > stored.since THEN o.since ELSE stored.since END
)
GROUP BY stored.from_uid ORDER BY stored.from_uid
