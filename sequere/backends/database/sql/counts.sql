-- The lengths of all lists of some resources: their keys, and three sums, NULLs for none.
-- {given}: a SELECT of their keys, with its parameters. {join}, {resource}: what joins the resource of each. {graph}: the
-- number of the graph, with its scope as a parameter, three times, before those of {given}.
-- Cost: four lookups for each.
SELECT r.identifier, r.object_id,
       (SELECT SUM(incoming) FROM sequere_database_count WHERE graph = {graph} AND uid = r.uid),
       (SELECT SUM(outgoing) FROM sequere_database_count WHERE graph = {graph} AND uid = r.uid),
       (SELECT SUM(mutual) FROM sequere_database_count WHERE graph = {graph} AND uid = r.uid)
FROM ({given}) given {join} {resource}
