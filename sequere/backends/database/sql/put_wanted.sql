-- Goes on after wanted.sql: the same where most follows are missing, and looking for them first would take long.
-- {of_follow}, {of_new}: the columns of the stored follow, and of the one that is put in its place.
-- Cost: a lookup for each relation.
{insert_follows} SELECT {columns} FROM wanted WHERE stream IS NOT NULL
{replace} WHERE ({of_follow}) {differs_from} ({of_new})
