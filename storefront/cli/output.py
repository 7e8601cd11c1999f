"""What commands print: facts on stdout (for people, or as JSON for programs), trouble on stderr."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from storefront.core.config import Mistake


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints what it is given: it cuts no address, and makes no emoji of ``shop.yaml:100:5``."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)


def print_json(facts: Any) -> None:
    """Print facts for programs: JSON and nothing else on stdout."""
    print(json.dumps(facts, indent=2, ensure_ascii=False))


def print_error(message: str) -> None:
    """Print what went wrong as one line on stderr."""
    console(stderr=True).print(f"[bold red]error:[/] {escape(' '.join(message.split()))}")


def print_note(message: str) -> None:
    """Print what somebody should know although all went well, as one line on stderr."""
    console(stderr=True).print(f"[yellow]note:[/] {escape(' '.join(message.split()))}")


def counted(count: int, one: str, many: str) -> str:
    """Return ``1 customer`` or ``1,234 customers``."""
    return f"{count:,} {one if count == 1 else many}"


def print_mistakes(mistakes: Sequence["Mistake"]) -> None:
    """Print every mistake of a configuration on stderr, each with its place and an example."""
    out = console(stderr=True)
    for mistake in mistakes:
        place = f"{mistake.file}:{mistake.line}:{mistake.column}"
        path = f" [bold]{escape(mistake.path)}:[/]" if mistake.path else ""
        out.print(f"[red]{escape(place)}[/]{path} {escape(mistake.message)}")
        if mistake.example is not None:
            out.print("  [dim]for example:[/]")
            for line in mistake.example.splitlines():
                out.print(f"    [green]{escape(line)}[/]")
    out.print(f"\n[bold red]{counted(len(mistakes), 'mistake', 'mistakes')}.[/] Nothing was changed.")


def describe_mistakes(mistakes: Sequence["Mistake"]) -> list[dict[str, Any]]:
    """Return mistakes as JSON; ``column`` and ``line`` count from 1."""
    return [
        {
            "file": mistake.file,
            "line": mistake.line,
            "column": mistake.column,
            "path": mistake.path,
            "message": mistake.message,
            "example": mistake.example,
        }
        for mistake in mistakes
    ]
