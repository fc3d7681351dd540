"""Real Ray on hosts of our own, measured against the port contract."""
