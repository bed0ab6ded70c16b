-- What wanted.sql is given: some relations with the streams of their opposites, and the uids of their ends.
-- {given}: a SELECT of their streams and of the keys of their ends, with its parameters. {opposite}: the stream of the
-- opposite. {join}, {from_end}, {to_end}: what joins the resources.
-- Cost: two lookups for each.
SELECT given.stream, {opposite} AS opposite, f.uid AS from_uid, t.uid AS to_uid
FROM ({given}) given {join} {from_end} {join} {to_end}
