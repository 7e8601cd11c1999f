"""Reads what is deployed: the Dockerfile's instructions, a unit's settings, and command lines by our CLI."""

import json
from pathlib import Path

import typer.core
import typer.main

from storefront.cli.commands import app

DEPLOY = Path(__file__).parents[2] / "deploy"


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's ``(INSTRUCTION, the rest)``, lines that go on joined."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(name, " ".join(rest.split())) for name, _, rest in (line.partition(" ") for line in joined)]


def words(text: str) -> list[str]:
    """Return the words of an instruction in its JSON form, the one that starts no shell."""
    found = json.loads(text)
    assert isinstance(found, list)
    assert all(isinstance(word, str) for word in found)
    return found


def settings(unit: Path) -> list[tuple[str, str, str]]:
    """Return a unit's ``(section, name, value)``, in order: a name may come again."""
    found, section = [], ""
    for line in unit.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.append((section, name, value))
    return found


def take(arguments: list[str]) -> dict[str, object]:
    """Let our CLI read a command line as it would be run, without running it; return what it understood.

    An option that there is not raises ``click.UsageError``.
    """
    command, names, rest = typer.main.get_command(app), [], list(arguments)
    while isinstance(command, typer.core.TyperGroup):
        found = command.get_command(typer.Context(command), rest[0])
        assert found is not None, f"{rest[0]} is no command"
        command = found
        names.append(rest.pop(0))
    return {"command": " ".join(names), **command.make_context(names[-1], rest, obj=0.0).params}
