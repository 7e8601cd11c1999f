"""Cells that a spreadsheet takes for text, whoever wrote them."""

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
"""Spreadsheets of East Asia take the wide signs for the narrow ones. Source: OWASP, CSV Injection, read 2026-11-28."""


def harmless(cell: str) -> str:
    """Return a cell as text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_BEGINS_A_FORMULA) else cell
