-- Goes on after changed.sql: stores the relations that the log wants and that differ.
-- {insert_relations}: INSERT INTO the relations. {graph}: the number of the graph. {columns}: what is wanted.
-- {replace}: what ends it, where there is one.
-- Cost: a lookup for each.
{insert_relations} SELECT {graph}, from_uid, to_uid, {columns} FROM changed WHERE event_id IS NOT NULL {replace}
