"""Scripts that run on an audited host, most of them with the audited Ray's own Python."""
