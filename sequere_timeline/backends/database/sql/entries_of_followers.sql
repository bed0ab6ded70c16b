-- Where the entries of some actions stand in the feeds of some resources.
-- {followers}: a SELECT of the uids of the resources, with its parameters. {actions}: a SELECT of the dates and ids of
-- the actions, with its parameters. {join}, {entry}: what joins an entry by its key. {row_id}: the column that says where
-- it is.
-- Cost: a lookup for each action in each feed.
SELECT entry.{row_id} FROM ({followers}) follower CROSS JOIN ({actions}) action {join} {entry}
