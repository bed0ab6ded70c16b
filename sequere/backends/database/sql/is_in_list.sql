-- Whether an instance of a host's model is in a list: a condition.
-- {owner}, {other}, {graph}, {resource}: as in list.sql. {mutual}: narrows it to mutual ones.
-- {identifier}: that of the model. {text}: the text of
-- the primary key of the instance. {for_each_row}: ends the SELECT.
-- Cost: two lookups.
EXISTS (
    SELECT 1 FROM sequere_database_relation l
    WHERE l.graph = {graph} AND l.{owner}_uid = {resource} {mutual}
    AND l.{other}_uid = (SELECT uid FROM sequere_resource WHERE identifier = {identifier} AND object_id = {text})
    {for_each_row}
)
