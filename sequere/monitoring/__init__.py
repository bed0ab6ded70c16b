"""How far the projections are, and whether they are well."""
