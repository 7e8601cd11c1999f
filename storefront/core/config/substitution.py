"""``${NAME}``, ``${NAME:-default}``, ``${file:path}`` and ``${credential:name}`` in texts; ``$${`` is a literal ``${``.

A credential is a file in the folder that the environment calls ``CREDENTIALS_DIRECTORY``, as systemd does for what
``LoadCredential=`` names. Source: systemd.exec(5), "Credentials".

The environment is handed in. Nothing that was put in is ever part of a message.
"""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path as FilePath

from storefront.core.config.mistakes import Mistake, Path, show_path
from storefront.core.config.positions import Spot, walk_spots

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_CREDENTIAL = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_LARGEST_FILE = 65_536
_OF_A_SECRET = re.compile(r"secret|password|token|(^|_)keys?$", re.IGNORECASE)
_EXAMPLE = "${NAME}, ${NAME:-default} or ${file:path}"


class _MissingError(Exception):
    """A reference that has no value; the message names it, never a value."""


def substitute(tree: Spot, *, folder: FilePath, environ: Mapping[str, str], mistakes: list[Mistake]) -> None:
    """Put values in place of references, everywhere in the tree; relative file paths start at ``folder``."""
    for path, spot in walk_spots(tree):
        if not isinstance(spot.value, str) or "${" not in spot.value:
            continue
        text = spot.value
        # Where a secret goes, a default would stand in the file for everybody to read: none is suggested.
        is_secret = any(isinstance(part, str) and _OF_A_SECRET.search(part) is not None for part in path)
        try:
            resolve = partial(_resolve, folder=folder, environ=environ, is_secret=is_secret)
            value = _REFERENCE.sub(resolve, text)
            if not _is_clean(value):
                raise _MissingError(f"{shorten(text)} holds characters that are not text")
        except _MissingError as error:
            mistakes.append(_at(spot, path, str(error)))
            spot.is_broken = True
            continue
        whole = _REFERENCE.fullmatch(text)
        spot.is_whole = whole is not None and whole[1] is not None
        # A default stands in the file like any literal: only what came from outside counts as such.
        spot.is_from_outside = any(_is_given(found, environ) for found in _REFERENCE.finditer(text))
        spot.value = value


def refuse_references(tree: Spot, mistakes: list[Mistake]) -> None:
    """Say no to every reference: this file is written by someone who may not read the server's secrets."""
    for path, spot in walk_spots(tree):
        if isinstance(spot.value, str) and "${" in spot.value:
            mistakes.append(_at(spot, path, "${…} is not allowed in a creator's file"))
            spot.is_broken = True


def shorten(text: str) -> str:
    """A reference for a message: its default is left out, because that may be a secret too."""
    names = [found[1].split(":-")[0][:80] for found in _REFERENCE.finditer(text) if found[1] is not None]
    return ", ".join("${" + name + "}" for name in names)


def _resolve(found: re.Match[str], folder: FilePath, environ: Mapping[str, str], *, is_secret: bool) -> str:
    if found[0] == "$${":
        return "${"
    inside = found[1]
    if inside is None:
        raise _MissingError(f"`${{` is not closed; write {_EXAMPLE} ($${{ for a literal ${{)")
    if inside.startswith("file:"):
        return _read(inside.removeprefix("file:"), folder)
    if inside.startswith("credential:"):
        return _credential(inside.removeprefix("credential:"), environ)
    named = _NAME.fullmatch(inside)
    if named is None:
        raise _MissingError(f"a reference is written {_EXAMPLE} ($${{ for a literal ${{)")
    value = environ.get(named[1], "")
    if value or (named[2] is None and named[1] in environ):
        return value
    if named[2] is None:
        unset = f"the environment variable {named[1]} is not set"
        if is_secret or _OF_A_SECRET.search(named[1]) is not None:
            raise _MissingError(f"{unset}; set it, or keep the secret in a file: ${{file:path}}")
        raise _MissingError(f"{unset}; set it, or write ${{{named[1]}:-default}}")
    return named[2]


def _is_given(found: re.Match[str], environ: Mapping[str, str]) -> bool:
    inside = found[1]
    return inside is not None and (
        inside.startswith(("file:", "credential:")) or bool(environ.get(inside.split(":-")[0]))
    )


def _credential(name: str, environ: Mapping[str, str]) -> str:
    if _CREDENTIAL.fullmatch(name) is None:
        raise _MissingError("a credential is written ${credential:name}: letters, digits, dots, - and _")
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise _MissingError(f"the credential {name[:80]!r} is nowhere: CREDENTIALS_DIRECTORY names no folder")
    return _read(name, FilePath(folder), kind="credential")


def _read(name: str, folder: FilePath, *, kind: str = "file") -> str:
    what = f"the file {name[:80]!r} of ${{{kind}:…}}"
    try:
        file = folder / name
        if not file.is_file():
            raise _MissingError(f"{what} does not exist")
        if file.stat().st_size > _LARGEST_FILE:
            raise _MissingError(f"{what} is larger than {_LARGEST_FILE} bytes")
        return file.read_text("utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise _MissingError(f"{what} cannot be read: {reason}") from error


def _is_clean(text: str) -> bool:
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def _at(spot: Spot, path: Path, message: str) -> Mistake:
    return Mistake(spot.place.file, spot.place.line, spot.place.column, show_path(path), message)
