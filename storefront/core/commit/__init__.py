"""Decide, then commit: a plan is data, ``apply`` is pure, the engine writes one transaction per batch."""
