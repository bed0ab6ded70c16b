-- A page of suggestions: the keys of resources, how many follow them of those whom a resource follows, and their uids.
-- {graph}: the number of the graph. {resource}: the uid of the resource, with its key as parameters, twice. {mine}: how
-- many of those whom it follows have a say. {join}, {of_each}: what joins the relations of each of them. {known}: leaves
-- out what is in lists of the resource, with its key as parameters for each list. {of_kind}: narrows it to a kind,
-- with its parameter. {condition}: what comes after a place, with its parameters. {direction}: ASC or DESC. {limit}: how
-- many, and from which position. {other_end}: what joins the resources.
-- Cost: a lookup for each of those who have a say, and for each of theirs; two for each resource.
SELECT r.identifier, r.object_id, page.shared, page.uid FROM (
    SELECT uid, shared FROM (
        SELECT theirs.to_uid AS uid, COUNT(*) AS shared FROM (
            SELECT to_uid FROM sequere_database_relation WHERE graph = {graph} AND from_uid = {resource}
            ORDER BY since DESC, to_uid DESC {mine}
        ) mine {join} {of_each}
        WHERE theirs.to_uid <> {resource} {known} {of_kind}
        GROUP BY theirs.to_uid
    ) AS ranked WHERE {condition} ORDER BY shared {direction}, uid {direction} {limit}
) page {join} {other_end} ORDER BY page.shared {direction}, page.uid {direction}
