"""SQL that the ORM cannot express, or builds too slowly."""
