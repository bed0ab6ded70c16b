-- The length of a list of an instance of a host's model.
-- {counted}, {graph}: as in count.sql. {identifier}: that of the model. {text}: the text of the primary key.
-- Cost: a lookup, and one for each kind that the instance has relations with.
CAST(COALESCE((
    SELECT SUM(c.{counted}) FROM sequere_database_count c
    WHERE c.graph = {graph}
    AND c.uid = (SELECT uid FROM sequere_resource WHERE identifier = {identifier} AND object_id = {text})
), 0) AS bigint)
