"""YAML text as a tree in which every value and every key knows its line and column.

Reads the YAML 1.2 core forms (``no`` is text, ``010`` is ten), refuses tags, duplicate keys, recursion, depth and
alias bombs, and never builds anything but texts, numbers, booleans, nulls, lists and mappings.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import yaml

from storefront.core.config.mistakes import Mistake, Path, show_path
from storefront.core.config.yaml_words import PLAIN, in_plain_words

_DEEPEST = 48
_MOST_VALUES = 100_000
_LONGEST_NUMBER = 400
_TEXTS_KEPT = 4
_CORE = "tag:yaml.org,2002:"
_MERGE = _CORE + "merge"
_PLAIN_FORMS = (
    ("null", re.compile(r"~|null|Null|NULL|")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("int", re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")),
    ("merge", re.compile(r"<<")),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file; line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(slots=True)
class Spot:
    """A value and where it stands.

    ``value`` is a scalar, a list of spots, or ``key -> (place of the key, spot)``. ``is_broken`` marks a value that
    could not be had, so that nothing more is said about it; ``is_whole`` one that is a single ``${…}``, which may
    stand for a number; ``is_from_outside`` one whose text came from the environment or a file.
    """

    value: object
    place: Place
    is_broken: bool = False
    is_whole: bool = False
    is_from_outside: bool = False


Entries = dict[str, tuple[Place, Spot]]


@dataclass(slots=True)
class Positions:
    """Where each path of the merged document stands. ``flat``: paths whose own file is written without them."""

    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    flat: set[Path] = field(default_factory=set)

    def of_value(self, path: Path) -> Place:
        """The value's place, or that of the nearest ancestor that is written down."""
        while path not in self.values:
            path = path[:-1]
        return self.values[path]

    def of_key(self, path: Path) -> Place:
        """The key's place; for what has no key (a list item, a missing key) that of the value."""
        return self.keys.get(path) or self.of_value(path)

    def show(self, path: Path) -> str:
        """The path as it reads in the file that it stands in."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.flat:
                return show_path(path[end:])
        return show_path(path)


class YamlMistakeError(Exception):
    """A file that is not usable YAML; carries the mistake."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


def read_tree(text: str, file: str, mistakes: list[Mistake]) -> Spot:
    """The file's one document; mistakes that leave the rest readable are appended to ``mistakes``.

    Raises:
        YamlMistakeError: the text is not YAML, or is built to exhaust the reader.
    """
    try:
        node = _compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        words, example = in_plain_words(error)
        raise YamlMistakeError(_mistake(place, words, example=example)) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(file, before.count("\n") + 1, error.position - before.rfind("\n"))
        raise YamlMistakeError(_mistake(place, "a control character is not allowed here", example=PLAIN)) from error
    except (ValueError, OverflowError) as error:
        # PyYAML lets chr() fail on escapes such as "\UFFFFFFFF", and int() on %YAML versions, without a mark.
        raise YamlMistakeError(
            _mistake(Place(file, 1, 1), "holds a character that does not exist", example=PLAIN)
        ) from error
    if node is None:
        return Spot({}, Place(file, 1, 1))
    return _Builder(file, mistakes).build(node, ())


@lru_cache(_TEXTS_KEPT)
def _compose(text: str) -> yaml.Node | None:
    """Parse the text; nodes are read only, so who reads the same text again (a reload, a check) has the same ones."""
    node: yaml.Node | None = _Loader(text).get_single_node()
    return node


def walk_spots(spot: Spot, path: Path = ()) -> Iterator[tuple[Path, Spot]]:
    """Every spot below and including this one, parents first."""
    yield path, spot
    if isinstance(spot.value, dict):
        for key, (_, child) in spot.value.items():
            yield from walk_spots(child, (*path, key))
    elif isinstance(spot.value, list):
        for index, child in enumerate(spot.value):
            yield from walk_spots(child, (*path, index))


def entries(spot: Spot) -> Entries:
    """The mapping that the spot holds; empty for anything else."""
    return spot.value if isinstance(spot.value, dict) else {}


class _Loader(yaml.SafeLoader):
    """PyYAML's composer with the scalar forms of YAML 1.2 and a limit on depth."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        if self.depth > _DEEPEST:
            mark = self.get_mark()
            raise yaml.composer.ComposerError(None, None, f"is nested deeper than {_DEEPEST} levels", mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: tuple[bool, bool] | bool) -> str:
        if kind is yaml.MappingNode:
            return _CORE + "map"
        if kind is yaml.SequenceNode:
            return _CORE + "seq"
        if isinstance(implicit, tuple) and implicit[0] and value is not None:
            return _CORE + next((name for name, form in _PLAIN_FORMS if form.fullmatch(value)), "str")
        return _CORE + "str"


class _Builder:
    """Turns composed nodes into spots; counts them, because aliases multiply."""

    def __init__(self, file: str, mistakes: list[Mistake]) -> None:
        self._file = file
        self._mistakes = mistakes
        self._count = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: Path) -> Spot:
        place = self._place(node)
        self._count += 1
        if self._count > _MOST_VALUES:
            raise YamlMistakeError(
                _mistake(place, f"holds more than {_MOST_VALUES} values once its aliases are followed")
            )
        if id(node) in self._open or len(self._open) > _DEEPEST:
            raise YamlMistakeError(_mistake(place, "an alias may not lead back into itself"))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place, path)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode) and node.tag == _CORE + "seq":
                return Spot([self.build(item, (*path, index)) for index, item in enumerate(node.value)], place)
            if isinstance(node, yaml.MappingNode) and node.tag == _CORE + "map":
                return Spot(self._mapping(node, path), place)
        finally:
            self._open.discard(id(node))
        return self._refused_tag(place, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> Entries:
        found: Entries = {}
        merged: Entries = {}
        for key_node, value_node in node.value:
            key_place = self._place(key_node)
            if key_node.tag == _MERGE:
                merged |= self._merge(value_node, path) | merged
                continue
            if not isinstance(key_node, yaml.ScalarNode) or _no_text_in(key_node.value):
                self._say(key_place, path, "a key must be plain text")
                continue
            key = key_node.value
            value = self.build(value_node, (*path, key))
            if key in found:
                first = found[key][0]
                self._say(key_place, (*path, key), f"is written twice; first on line {first.line}")
                continue
            found[key] = (key_place, value)
        return found | {key: entry for key, entry in merged.items() if key not in found}

    def _merge(self, node: yaml.Node, path: Path) -> Entries:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: Entries = {}
        for source in sources:
            spot = self.build(source, path)
            if not isinstance(spot.value, dict):
                self._say(spot.place, path, "`<<` merges mappings only")
            merged = entries(spot) | merged
        return merged

    def _scalar(self, node: yaml.ScalarNode, place: Place, path: Path) -> Spot:
        text: str = node.value
        form = node.tag.removeprefix(_CORE)
        if (wrong := _no_text_in(text)) is not None:
            self._say(place, path, wrong)
            return Spot("", place, is_broken=True)
        if form in ("str", "merge"):
            return Spot(text, place)
        plain = dict(_PLAIN_FORMS).get(form)
        if plain is None or not plain.fullmatch(text):
            return self._refused_tag(place, path)
        if form in ("int", "float") and len(text) > _LONGEST_NUMBER:
            self._say(place, path, "is a number with too many digits")
            return Spot(0, place, is_broken=True)
        return Spot(_scalar_value(form, text), place)

    def _refused_tag(self, place: Place, path: Path) -> Spot:
        self._say(place, path, "YAML tags (`!…`) are not allowed")
        return Spot("", place, is_broken=True)

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _say(self, place: Place, path: Path, message: str) -> None:
        self._mistakes.append(_mistake(place, message, show_path(path)))


def _scalar_value(form: str, text: str) -> object:
    if form == "null":
        return None
    if form == "bool":
        return text.lower() == "true"
    if form == "float":
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text[2:] if base != 10 else text, base)


def _no_text_in(text: str) -> str | None:
    """Say what of a text is none; no database and no gateway takes a NUL."""
    if "\0" in text:
        return "holds a NUL character"
    is_half = any("\ud800" <= character <= "\udfff" for character in text)
    return "holds half a character (a lone surrogate)" if is_half else None


def _mistake(place: Place, message: str, path: str = "", *, example: str | None = None) -> Mistake:
    return Mistake(place.file, place.line, place.column, path, message, example)
