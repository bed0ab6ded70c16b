-- A page of a list: the keys of the resources at the other ends of relations, since when, and their uids.
-- {owner}, {other}: from or to, the end of whom the list is, and the other one. {since}: what orders the list. {graph}:
-- the number of the graph, with its scope as a parameter. {resource}: the uid of the owner, with its key as parameters.
-- {conditions}: what narrows the list, with its parameters. {direction}: ASC or DESC. {limit}: how many, and from which
-- position. {join}, {other_end}: what joins the resources.
-- Cost: the relations are read from an index alone, unless the list is narrowed to a kind; two lookups for each
-- resource, made afterwards, so that the index says the order.
SELECT r.identifier, r.object_id, page.since, page.uid FROM (
    SELECT {other}_uid AS uid, {since} AS since FROM sequere_database_relation
    WHERE graph = {graph} AND {owner}_uid = {resource} {conditions}
    ORDER BY {since} {direction}, {other}_uid {direction} {limit}
) page {join} {other_end} ORDER BY page.since {direction}, page.uid {direction}
