"""Redaction: what is a secret by its name, by its form and by its place, in objects and in free text."""
