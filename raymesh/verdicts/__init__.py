"""Verdicts: pure functions from what the witnesses saw to findings. No I/O, no waiting."""
