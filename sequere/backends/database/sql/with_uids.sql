-- What wanted.sql is given: some relations with the streams of their opposites, and the uids and kinds of their ends.
-- {given}: a SELECT of their streams, scopes, and the keys of their ends, with its parameters. {opposite}: the stream of
-- the opposite. {join}, {from_end}, {to_end}: what joins the resources. {from_kind}, {to_kind}: and what joins their kinds.
-- Cost: four lookups for each.
SELECT given.stream, {opposite} AS opposite, f.uid AS from_uid, t.uid AS to_uid,
       f_kind.number AS from_kind, t_kind.number AS to_kind
FROM ({given}) given {join} {from_end} {join} {to_end} {join} {from_kind} {join} {to_kind}
