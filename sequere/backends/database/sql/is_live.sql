-- A row if a relation is live. Most questions are about one: a third less time than live.sql takes.
-- {graph}, {uid}: SELECT the number of the graph, and the uid of a resource, with its key as
-- parameters. {narrowed}: asks more of it, with its parameter.
-- Cost: three lookups.
SELECT 1 FROM sequere_database_relation l
WHERE l.graph = {graph} AND l.from_uid = {uid} AND l.to_uid = {uid} {narrowed}
