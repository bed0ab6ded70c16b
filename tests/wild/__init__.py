"""Every public entry, given what nobody should give it."""
