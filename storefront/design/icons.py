"""Small line icons on a 24-grid, drawn in the colour of the text beside them."""

from typing import Final

from markupsafe import Markup

_PATHS: Final[dict[str, str]] = {
    "gem": "M7 4h10l4 5.5L12 21 3 9.5zM3 9.5h18M9 9.5 12 21l3-11.5M9 9.5 12 4l3 5.5",
    "plus": "M12 5v14M5 12h14",
    "check": "m4.5 12.5 5 5 10-11",
    "menu": "M4 7h16M4 12h16M4 17h16",
    "close": "M6 6l12 12M18 6 6 18",
    "chevron-down": "m6 9 6 6 6-6",
    "arrow-left": "M19 12H5m6-6-6 6 6 6",
    "lock": "M6 11h12a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1zM8 11V7.5a4 4 0 0 1 8 0V11",
    "card": "M4 5h16a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM3 10h18M6.5 15h4",
    "bank": "M3 9.5 12 4l9 5.5zM5.5 9.5V18M10 9.5V18M14 9.5V18M18.5 9.5V18M3 18h18M3 21h18",
    "wallet": "M4 6.5h15a1 1 0 0 1 1 1V19a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1zM4 6.5 16 4v2.5M20 11h-4.5a2 2 0 0 0 0 4.5H20",
    "warning": "M12 4 2.5 20h19zM12 10v4.5M12 17.2v.3",
    "info": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5.5M12 7.5v.3",
    "clock": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7.5V12l3 2.5",
    "flask": "M9 3h6M10 3v6L4.8 18.5A1.7 1.7 0 0 0 6.3 21h11.4a1.7 1.7 0 0 0 1.5-2.5L14 9V3M7.5 15h9",
    "user": "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20.5c.8-3.6 3.8-5.5 7.5-5.5s6.7 1.9 7.5 5.5",
    "pause": "M8 5v14M16 5v14",
    "play": "M7 5l12 7-12 7z",
    "skip": "M6 5l9 7-9 7zM18 5v14",
    "replay": "M4 12a8 8 0 1 0 2.6-5.9L4 8.5M4 4v4.5h4.5",
    "eye": "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
    "eye-off": "M4 4l16 16M9.5 6A9 9 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a17 17 0 0 1-3 3.7M6.2 7.5A16 16 0 0 0 2.5 12"
    "S6 18.5 12 18.5a9 9 0 0 0 4.3-1.1M10 10a3 3 0 0 0 4 4",
    "home": "M4 11 12 4l8 7v9h-5.5v-6h-5v6H4z",
    "bag": "M5 8h14l1 12H4zM8.5 8V7a3.5 3.5 0 0 1 7 0v1",
    "users": "M9 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM2.5 20c.5-3.5 3-5.5 6.5-5.5s6 2 6.5 5.5"
    "M15.5 4.8a3.5 3.5 0 0 1 0 6.4M18 15c2 .7 3.2 2.4 3.5 5",
    "repeat": "M4 11V9a2 2 0 0 1 2-2h13m-3-3 3 3-3 3M20 13v2a2 2 0 0 1-2 2H5m3 3-3-3 3-3",
    "heart": "M12 20S3.5 15 3.5 9.2A4.6 4.6 0 0 1 12 6.8a4.6 4.6 0 0 1 8.5 2.4C20.5 15 12 20 12 20z",
    "shield": "M12 3 4.5 5.5V11c0 5 3 8 7.5 10 4.5-2 7.5-5 7.5-10V5.5zM8.5 12l2.5 2.5 4.5-5",
    "book": "M12 6.5C10 5 7 4.5 3.5 4.5V18c3.5 0 6.5.5 8.5 2 2-1.5 5-2 8.5-2V4.5C17 4.5 14 5 12 6.5zM12 6.5V20",
    "webhook": "M12 3.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM6 14.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6z"
    "M18 14.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM10.6 9.2 7.5 14.8M13.4 9.2l3.1 5.6M9 17.5h6",
    "tag": "M4 4h8l8.5 8.5-8 8L4 12zM8.5 8.3v.3",
    "gear": "M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM12 3v2.5M12 18.5V21M3 12h2.5M18.5 12H21M5.6 5.6l1.8 1.8"
    "M16.6 16.6l1.8 1.8M18.4 5.6l-1.8 1.8M7.4 16.6l-1.8 1.8",
    "download": "M12 4v11m-5-5 5 5 5-5M4.5 20h15",
    "search": "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20.5 20.5",
    "arrow-up": "M12 20V5m-6 6 6-6 6 6",
    "arrow-down": "M12 4v15m-6-6 6 6 6-6",
    "moon": "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
}

ICONS: Final = tuple(_PATHS)


def icon(name: str, *, size: int = 18) -> Markup:
    """An icon as inline SVG, hidden from screen readers: the words beside it say what it means.

    Raises: ``KeyError`` for a name that is not in ``ICONS``.
    """
    return Markup(
        '<svg class="icon" viewBox="0 0 24 24" width="{}" height="{}" fill="none" stroke="currentColor" '
        'stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="{}"/></svg>'
    ).format(size, size, _PATHS[name])
