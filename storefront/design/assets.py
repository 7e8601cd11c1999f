"""Addresses of static files that change when the file does, so that browsers may cache them for ever."""

import hashlib
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""Folder of the shared style sheets: ``tokens.css``, ``base.css``."""


def asset_url(name: str, *, base: str = "", folder: Path = STATIC, mount: str = "/static/design") -> str:
    """Say where ``folder/name`` is served: ``{base}/static/design/tokens.css?v=<hash>``.

    ``base`` is the path under which the whole application is mounted, without a trailing slash.
    The hash is worked out once per process and file.

    Raises: ``FileNotFoundError`` for a name that the folder does not hold.
    """
    return f"{base}{mount}/{name}?v={content_hash(folder / name)}"


@cache
def content_hash(path: Path) -> str:
    """Name a file's content in twelve hex digits (SHA-256, shortened: a cache key, not a proof)."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
