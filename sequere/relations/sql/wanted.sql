-- What the last events of some relations say: both ends with their uids, since when the relation is live, NULL if it is
-- over, or pauses, and the type and the scope of the event.
-- {given}: a SELECT of streams, with its parameters. {last}: what JOIN takes, the last event of a stream. {from_end},
-- {to_end}: what joins the resources. {begun}: the types of the events that begin relations. {pausing}: those of them
-- whose relations pause while an end is suspended.
-- Cost: three lookups for each.
SELECT last.actor_identifier, last.actor_object_id, f.uid AS actor_uid,
    last.target_identifier, last.target_object_id, t.uid AS target_uid,
    CASE WHEN last.type IN ({begun}) AND NOT (last.type IN ({pausing}) AND (f.is_suspended OR t.is_suspended))
        THEN last.occurred_at END AS occurred_at,
    last.type, last.scope
FROM ({given}) given JOIN {last} LEFT JOIN {from_end} LEFT JOIN {to_end}
