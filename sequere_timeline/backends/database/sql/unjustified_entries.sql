-- Goes on after follows.sql: `unjustified` has the entries that follows have brought and no longer justify, and their
-- reasons.
-- {join}, {actions}: what joins the published actions of an actor. {entry}: what joins an entry by its key.
-- {is_followed}: the condition that it has the reason. {row_id}: the column that says where it is.
-- Cost: a lookup for each action and owner.
, unjustified (place, extra) AS (
    SELECT entry.{row_id}, entry.extra FROM (SELECT DISTINCT feed, actor FROM follow) pair
    {join} {actions} AND NOT EXISTS (
        SELECT 1 FROM follow WHERE follow.feed = pair.feed AND follow.actor = pair.actor
        AND action.published_event_id > follow.after AND action.published_event_id < follow.before
    ) {join} {entry} WHERE {is_followed}
)
