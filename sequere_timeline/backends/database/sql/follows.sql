-- Begins a statement about some follows: `follow` has the feed and the actor of each, and between which event ids
-- published actions are justified by it; a row for each such interval, and one with NULLs if there is none.
-- {given}: a SELECT of the keys of both ends, and of what {justified} needs, with its parameters. {join}, {owner},
-- {actor}: what joins the two resources. {after}, {before}: the interval. {justified}: what joins what it depends on.
-- Cost: two lookups for each follow.
WITH follow (feed, actor, after, before) AS MATERIALIZED (
    SELECT owner.uid, actor.uid, {after}, {before} FROM ({given}) given {join} {owner} {join} {actor} {justified}
)
