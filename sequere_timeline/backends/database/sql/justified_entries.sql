-- Goes on after follows.sql: the entries that the follows justify.
-- {join}, {actions}: what joins the published actions of an actor. {newest}: the condition that they are not too many.
-- {kept}: the condition that a cap has not cut them off.
-- Cost: a row for each action and owner.
SELECT follow.feed, action.date, action.id FROM follow
{join} {actions} AND action.published_event_id > follow.after AND action.published_event_id < follow.before {newest}
WHERE {kept} ORDER BY follow.feed, action.date, action.id
