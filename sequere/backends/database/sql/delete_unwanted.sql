-- Goes on after wanted.sql, and perhaps changed.sql: deletes the relations that the log does not want.
-- {row_id}: says where a row is. {unwanted}: whether it is one of theirs.
-- Cost: that of finding them.
DELETE FROM sequere_database_relation WHERE {row_id} {unwanted}
