-- The length of a list.
-- {counted}: the column that counts it. {graph}: the number of the graph, with its scope as a parameter. {resource}: the
-- uid of the owner, with its key as parameters. {of_kind}: narrows it to a kind, with its parameter.
-- Cost: a lookup for each kind that the resource has relations with.
SELECT COALESCE(SUM({counted}), 0) FROM sequere_database_count WHERE graph = {graph} AND uid = {resource} {of_kind}
