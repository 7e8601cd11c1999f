"""Durations as the YAML writes them: ``30d``, ``12h``, ``90m``, ``45s``."""

PATTERN = "^[1-9][0-9]{0,5}[smhd]$"
SAYS = "must be a whole number with a unit: 45s, 90m, 12h or 30d"
_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def to_ms(text: str) -> int:
    """Return a duration in milliseconds; a schema with ``PATTERN`` has checked it."""
    return int(text[:-1]) * _MS[text[-1]]
