"""The HTTP edge: everything that knows about requests, statuses and headers."""
