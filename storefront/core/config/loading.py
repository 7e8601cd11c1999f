"""Reads the files of a configuration into one document whose every path knows where it is written.

Two steps, because the schemas of plugins are known only once ``plugins:`` has named them: ``read_document``, then
``building.build`` with the schemas of ``document.enabled_plugins``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from storefront.core.config.including import Assembly
from storefront.core.config.mistakes import ConfigError, Mistake, Path
from storefront.core.config.positions import Place, Positions, Spot, YamlMistakeError, entries, read_tree

_MAY_BE_EMPTY = ("plugins", "gateways")


@dataclass(frozen=True, slots=True)
class Document:
    """The merged YAML as plain values, unchecked.

    ``mistakes`` are those found while reading; ``build`` reports them with its own. ``broken`` holds paths whose value
    could not be had, ``whole`` paths whose text is one ``${…}`` (it may stand for a number), ``outside`` paths whose
    text came from the environment or a file. ``creator_files`` are those of ``files`` that creators write;
    ``left_out`` are creators whose file was not to be read.
    """

    path: FilePath
    folder: FilePath
    files: tuple[FilePath, ...]
    creator_files: tuple[FilePath, ...]
    left_out: tuple[str, ...]
    value: dict[str, object]
    positions: Positions
    mistakes: tuple[Mistake, ...]
    broken: frozenset[Path]
    whole: frozenset[Path]
    outside: frozenset[Path]

    @property
    def enabled_plugins(self) -> tuple[str, ...]:
        """The names under ``plugins:``, in the order of the YAML."""
        plugins = self.value.get("plugins")
        return tuple(plugins) if isinstance(plugins, dict) else ()

    def having(self, value: dict[str, object]) -> "Document":
        """The same document with other values at the same places."""
        return replace(self, value=value)

    @property
    def skippable_plugins(self) -> tuple[str, ...]:
        """The enabled plugins whose section says ``on_error: skip``."""
        return self._saying("on_error", "skip")

    @property
    def unscreened_plugins(self) -> tuple[str, ...]:
        """The enabled plugins whose section says ``unscreened: allow``."""
        return self._saying("unscreened", "allow")

    def _saying(self, key: str, word: str) -> tuple[str, ...]:
        plugins = self.value.get("plugins")
        named = plugins.items() if isinstance(plugins, dict) else ()
        return tuple(name for name, section in named if isinstance(section, dict) and section.get(key) == word)


def read_document(path: FilePath, environ: Mapping[str, str], *, leave_out: Collection[str] = ()) -> Document:
    """Read ``path`` and what it includes; file names in messages start as ``path`` does.

    Creators' files that are called as in ``leave_out`` are not read: those creators say nothing, and are ``left_out``.

    Raises:
        ConfigError: a file cannot be read or is not YAML, so that nothing sensible can be said about the rest.
    """
    assembly = Assembly(path, environ, leave_out=leave_out)
    tree = assembly.read(path.absolute())
    if tree is None or assembly.is_unreadable:
        raise ConfigError(assembly.mistakes)
    flat = _Flat(assembly.flat)
    value = flat.add(tree, ())
    assert isinstance(value, dict)
    return Document(
        path=path,
        folder=path.absolute().parent,
        files=tuple(assembly.files),
        creator_files=tuple(assembly.creator_files),
        left_out=tuple(assembly.left_out),
        value=_without_empty_sections(value),
        positions=flat.positions,
        mistakes=tuple(assembly.mistakes),
        broken=frozenset(flat.broken),
        whole=frozenset(flat.whole),
        outside=frozenset(flat.outside),
    )


def graft(document: Document, at: Path, file: FilePath) -> Document:
    """The document with what another file says at ``at``: that alone, or a configuration that has it there.

    ``${…}`` in that file stay as they are written.

    Raises:
        ConfigError: the file cannot be read, or is not YAML.
    """
    mistakes: list[Mistake] = []
    try:
        tree = read_tree(file.read_text("utf-8"), str(file), mistakes)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Mistake(str(file), 1, 1, "", "cannot be read: it must be a file in UTF-8")]) from error
    except YamlMistakeError as error:
        raise ConfigError([error.mistake]) from error
    is_alone = at[0] not in entries(tree)
    for step in at:
        tree = entries(tree)[str(step)][1] if step in entries(tree) else tree
    flat = _Flat({at} if is_alone else set())
    value = flat.add(tree, at)
    old = document.positions

    def kept(places: Mapping[Path, Place]) -> dict[Path, Place]:
        return {path: place for path, place in places.items() if path[: len(at)] != at}

    return replace(
        document,
        value=_replaced(document.value, at, value),
        positions=Positions(
            kept(old.values) | flat.positions.values,
            kept(old.keys) | flat.positions.keys,
            old.flat | {*flat.positions.flat},
        ),
        mistakes=(*document.mistakes, *mistakes),
        broken=document.broken | flat.broken,
    )


def _replaced(inside: object, at: Path, value: object) -> Any:
    """A copy of nested mappings with another value at a path; where there is nothing on the way it is made."""
    if not at:
        return value
    known = inside if isinstance(inside, dict) else {}
    return {**known, at[0]: _replaced(known.get(at[0]), at[1:], value)}


class _Flat:
    """Takes a tree apart into plain values and what is known about each path."""

    def __init__(self, flat: set[Path]) -> None:
        self.positions = Positions(flat=flat)
        self.broken: set[Path] = set()
        self.whole: set[Path] = set()
        self.outside: set[Path] = set()

    def add(self, spot: Spot, path: Path, key_place: Place | None = None) -> object:
        self.positions.values[path] = spot.place
        if key_place is not None:
            self.positions.keys[path] = key_place
        for marked, paths in (
            (spot.is_broken, self.broken),
            (spot.is_whole, self.whole),
            (spot.is_from_outside, self.outside),
        ):
            if marked:
                paths.add(path)
        if isinstance(spot.value, dict):
            return {key: self.add(child, (*path, key), place) for key, (place, child) in spot.value.items()}
        if isinstance(spot.value, list):
            return [self.add(child, (*path, index)) for index, child in enumerate(spot.value)]
        return spot.value


def _without_empty_sections(value: dict[str, object]) -> dict[str, object]:
    """A section whose every line is commented out is null in YAML, and means an empty one."""
    kept = {key: section for key, section in value.items() if section is not None}
    for name in _MAY_BE_EMPTY:
        section = kept.get(name)
        if isinstance(section, dict):
            kept[name] = {key: {} if inner is None else inner for key, inner in section.items()}
    return kept
