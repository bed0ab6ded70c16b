-- The entries that actions make in the private timelines of owners of one kind.
-- {actions}: a SELECT of their ids and dates, with its parameters. {reason}: why they are there. {object_ids}: a
-- placeholder for each owner.
-- Parameters: those of {actions}, the kind, the keys of the owners.
-- Cost: a row for each action and owner.
SELECT a.id, r.identifier, r.object_id, a.date, {reason} FROM ({actions}) a CROSS JOIN sequere_resource r
WHERE r.identifier = %s AND r.object_id IN ({object_ids})
