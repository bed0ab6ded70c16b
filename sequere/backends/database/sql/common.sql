-- What two lists have in common: uids, and since when.
-- {owner}, {other}: from or to, the end of whom the first list is, and the other one. {is_in}: whether a relation is in
-- that list. {since}: when what is in both came into the one that says the order. {graph}: the number of the graph.
-- {join}, {there}: what joins the relation of the second list, with the key of its owner as parameters. {resource}: the
-- uid of the owner of the first list, with its key as parameters. {of_kind}: narrows it to a kind, with its parameter.
-- Cost: a lookup for each relation of the first list.
SELECT here.{other}_uid AS uid, {since} AS since FROM sequere_database_relation here {join} {there}
WHERE here.graph = {graph} AND here.{owner}_uid = {resource} AND {is_in} {of_kind}
