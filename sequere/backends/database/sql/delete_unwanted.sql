-- Goes on after wanted.sql: deletes the follows that the log does not want.
-- {unwanted}: whether a stream is one of theirs.
-- Cost: a lookup for each.
DELETE FROM sequere_database_follow WHERE stream {unwanted}
