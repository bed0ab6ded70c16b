-- The length of a list of relations that may have ended by themselves.
-- {owner}: from or to, the end of whom the list is. {graph}: the number of the graph, with its scope as a parameter.
-- {resource}: the uid of the owner, with its key as parameters. {of_kind}: narrows it to a kind, with its parameter.
-- {lasts}: whether a relation has not ended, with the moment as a parameter.
-- Cost: two lookups for each relation of the owner.
SELECT COUNT(*) FROM sequere_database_relation l
WHERE l.graph = {graph} AND l.{owner}_uid = {resource} {of_kind} AND {lasts}
