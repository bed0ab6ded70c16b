-- Begins a statement about some follows: `follow` has the feed and the actor of each, and between which event ids
-- published actions are justified by it; a row for each such interval, and one with NULLs if there is none.
-- {given}: a SELECT of both ends, by their keys or uids, and of what {justified} needs, with its parameters. {feed},
-- {actor}: the uids. {resources}: what joins the two resources, if their keys are given. {after}, {before}: the
-- interval. {justified}: what joins what it depends on.
-- Cost: two lookups for each follow.
WITH follow (feed, actor, after, before) AS MATERIALIZED (
    SELECT {feed}, {actor}, {after}, {before} FROM ({given}) given {resources} {justified}
)
