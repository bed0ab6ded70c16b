-- Goes on after changed.sql: stores the follows that the log wants and that differ.
-- {insert_follows}: INSERT INTO the follows. {columns}: those of a follow. {replace}: what ends it, where there is one.
-- Cost: a lookup for each.
{insert_follows} SELECT {columns} FROM changed WHERE stream IS NOT NULL {replace}
