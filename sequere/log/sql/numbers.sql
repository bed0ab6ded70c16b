-- The numbers of some names, and the uids of some resources, of which the role is 'uid', or 'suspended' if they are.
-- {names}: a SELECT of roles and names. {resources}: a SELECT of identifiers and object_ids. Both with their parameters,
-- in this order. {join}: what joins a row that is looked up, {name} and {resource}: these rows.
-- Cost: a lookup for each.
SELECT known.role, known.name, '', known.number FROM ({names}) given {join} {name}
UNION ALL
SELECT CASE WHEN known.is_suspended THEN 'suspended' ELSE 'uid' END, known.identifier, known.object_id, known.uid
FROM ({resources}) given {join} {resource}
