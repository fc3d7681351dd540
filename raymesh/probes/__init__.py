"""Clients that try to reach Ray's ports, with and without a mesh identity."""
