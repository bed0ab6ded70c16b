-- The primary keys of the instances of a host's model that are in a list.
-- {owner}, {other}, {graph}, {resource}, {join}: as in list.sql. {mutual}: narrows it to mutual ones.
-- {identifier}: that of the model. {key}: the
-- primary key of r.
-- Cost: the relations of the owner are read from an index alone; a lookup for each.
SELECT {key} FROM sequere_database_relation l {join} sequere_resource r ON r.uid = l.{other}_uid
WHERE l.graph = {graph} AND l.{owner}_uid = {resource} {mutual} AND r.identifier = {identifier}
