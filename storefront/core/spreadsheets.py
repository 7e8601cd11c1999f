"""Cells that a spreadsheet takes for text, whoever wrote them."""

import re

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
"""Spreadsheets of East Asia take the wide signs for the narrow ones. Source: OWASP, CSV Injection, read 2026-11-28."""
_BEGINS_ONE_WITHIN = re.compile(r"([;\t\r\n][\"\s]*)(?=[=+\-@＝＋－＠])")
"""Where a program that splits lines at ``;`` or tabs, as spreadsheets of half of Europe do, sees another cell begin."""


def harmless(cell: str) -> str:
    """Return a cell as text that no spreadsheet takes for a formula, nor a part of it, whatever it splits lines at."""
    inside = _BEGINS_ONE_WITHIN.sub(r"\1'", cell)
    return f"'{inside}" if cell.startswith(_BEGINS_A_FORMULA) else inside
