-- Ends a condition on actions: they are about as new as the {cap} newest ones that a follow justifies.
-- {actions}: the table of the actions. {earliest}: a time before all others.
-- Cost: {cap} rows of an index for each follow.
AND action.date >= COALESCE((
    SELECT newest.date FROM {actions} newest
    WHERE newest.actor_uid = follow.actor
    AND newest.published_event_id > follow.after AND newest.published_event_id < follow.before
    ORDER BY newest.date DESC, newest.id DESC LIMIT 1 OFFSET {cap}
), {earliest})
