-- A page of what two lists have in common: the keys of resources, since when, and their uids.
-- {common}: common.sql, with its parameters. {condition}: what comes after a place, with its parameters. {direction}: ASC
-- or DESC. {limit}: how many, and from which position. {join}, {other_end}: what joins the resources.
-- Cost: that of common.sql; two lookups for each resource.
SELECT r.identifier, r.object_id, page.since, page.uid FROM (
    SELECT uid, since FROM ({common}) AS common WHERE {condition}
    ORDER BY since {direction}, uid {direction} {limit}
) page {join} {other_end} ORDER BY page.since {direction}, page.uid {direction}
