"""Who follows whom, in terms of the log."""
