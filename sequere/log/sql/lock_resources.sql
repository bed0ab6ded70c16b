-- Locks resources one after the other, in the order of their uids, in which everybody locks them; answers their uids
-- and keys.
-- {among}: what says that a uid is one of theirs, with its parameters. {lock}: what ends it.
-- Cost: two lookups for each.
SELECT uid, identifier, object_id FROM sequere_resource WHERE uid {among} ORDER BY uid {lock}
