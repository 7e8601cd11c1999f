"""The history of the core's tables; ``migrating.py`` runs it."""
