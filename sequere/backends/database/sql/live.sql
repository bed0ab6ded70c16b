-- Those among some resources to which a resource has a live relation: their keys.
-- {given}: a SELECT of their keys, with its parameters. {join}, {other}: what joins the resource of each. {relation}:
-- what joins the relation, with the scope and the key of the resource as parameters.
-- Cost: two lookups for each.
SELECT given.identifier, given.object_id FROM ({given}) given {join} {other} {join} {relation}
