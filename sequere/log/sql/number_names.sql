-- Gives numbers to names that have none.
-- {given}: a SELECT of roles and names, with its parameters. {insert}: INSERT INTO the names. {ignore}: what ends it,
-- where somebody else was faster.
-- Cost: a lookup for each.
{insert} SELECT role, name FROM ({given}) given WHERE NOT EXISTS (
    SELECT 1 FROM sequere_name known WHERE known.role = given.role AND known.name = given.name
) ORDER BY role, name {ignore}
