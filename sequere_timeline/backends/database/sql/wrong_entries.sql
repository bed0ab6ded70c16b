-- Goes on after follows.sql: the entries that are there by a follow and are not justified, and those that are justified
-- and not there: their feeds, actors and actions, and whether they are there.
-- {join}, {actions}: what joins the published actions of an actor. {entry}: what joins an entry by its key.
-- {is_followed}: the condition that it is there by a follow. {kept}: the condition that a cap has not cut it off.
-- Cost: a lookup for each action and owner.
SELECT pair.feed, pair.actor, action.id, CASE WHEN {is_followed} THEN 1 ELSE 0 END AS is_there
FROM (SELECT DISTINCT feed, actor FROM follow) pair {join} {actions} LEFT JOIN {entry}
WHERE {kept} AND CASE WHEN {is_followed} THEN 1 ELSE 0 END <> CASE WHEN EXISTS (
    SELECT 1 FROM follow WHERE follow.feed = pair.feed AND follow.actor = pair.actor
    AND action.published_event_id > follow.after AND action.published_event_id < follow.before
) THEN 1 ELSE 0 END
