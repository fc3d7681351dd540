"""One function a rule, found by its id; one file a subject."""
