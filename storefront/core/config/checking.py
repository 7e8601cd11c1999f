"""Checks a document against its schema and says every mistake at its place, with the nearest valid example.

Values that came from ``${…}`` as a whole become numbers or booleans where the schema wants those.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from jsonschema.exceptions import ValidationError

from storefront.core.config.examples import Complain, Examples, as_yaml
from storefront.core.config.inside_text import place_inside
from storefront.core.config.loading import Document
from storefront.core.config.messages import Complaint, explain
from storefront.core.config.mistakes import Mistake, Path
from storefront.core.config.positions import Place
from storefront.core.config.validation import Checker, Names, SchemaWalk, WholeSchema, make_checker

_COERCIONS = 8
_MOST_MISTAKES = 200
_LONGEST_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class Checked:
    """A document after its check: its values (with ``${…}`` made numbers), its complaints, its secret places."""

    value: dict[str, object]
    complaints: list[Complaint]
    secrets: frozenset[Path]
    walk: SchemaWalk
    checker: Checker
    names: Names

    def examples(self, told: Iterable[Complaint], complain: Complain) -> Examples:
        """What finds examples for its mistakes; ``complain`` says what is wrong with any document besides its schema,
        and has ``told`` it of this one."""
        complaints = [*self.complaints, *told]
        return Examples(self.value, self.walk, self.checker, names=self.names, complaints=complaints, complain=complain)


def check(document: Document, schema: WholeSchema) -> Checked:
    """Everything that the schema says about the document."""
    names = _names(document.value)
    checker = make_checker(schema, names)
    value, errors = _with_numbers(document, checker)
    complaints = [complaint for error in errors for complaint in explain(error)]
    secrets, literals = _secret_places(document, value, SchemaWalk(schema, checker, schema.ways_to_secrets))
    return Checked(value, [*complaints, *literals], secrets, SchemaWalk(schema, checker), checker, names)


def to_mistakes(document: Document, examples: Examples, complaints: Iterable[Complaint]) -> list[Mistake]:
    """The complaints as mistakes, one per path, 200 at most; none about values that could not be had."""
    found: dict[Path, Mistake] = {}
    for complaint in complaints:
        if complaint.path in found or _is_broken(document, complaint.path):
            continue
        if len(found) == _MOST_MISTAKES:
            break
        positions = document.positions
        place = positions.of_key(complaint.path) if complaint.at_key else _place_of(document, complaint)
        found[complaint.path] = Mistake(
            place.file,
            place.line,
            place.column,
            positions.show(complaint.path),
            _on_one_line(_without_outside(document, complaint)),
            as_yaml(complaint.example) if complaint.example else examples.nearest(complaint),
            complaint.leaves_out,
        )
    return list(found.values())


def _place_of(document: Document, complaint: Complaint) -> Place:
    """Return where a value stands, or the character of it that is meant, unless it is written somewhere else."""
    place = document.positions.of_value(complaint.path)
    if complaint.inside is None or complaint.path in document.outside:
        return place
    text: object = document.value
    for step in complaint.path:
        text = _at(text, step)
    return place_inside(place, text, complaint.inside) if isinstance(text, str) else place


def _on_one_line(message: str) -> str:
    """The message without the line breaks and the length of a text that it repeats."""
    line = " ".join(message.split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}…"


def _without_outside(document: Document, complaint: Complaint) -> str:
    """The message; a value that came from outside may be a secret in the wrong place, so it is never repeated."""
    if complaint.at_key or complaint.path not in document.outside:
        return complaint.message
    message = "is not known here" if complaint.echoes else complaint.message
    return f"{message} (the value comes from ${{…}})"


def with_examples(document: Document, examples: Examples) -> list[Mistake]:
    """The mistakes of reading, with an example where the schema knows what could stand there."""
    if not document.mistakes:
        return []
    positions = document.positions
    paths = {place: path for path, place in positions.values.items() if path in document.broken}
    twice = {(place.file, positions.show(path)): path for path, place in positions.keys.items()}
    found = []
    for mistake in document.mistakes:
        path = paths.get(Place(mistake.file, mistake.line, mistake.column)) or twice.get((mistake.file, mistake.path))
        is_bare = mistake.example is None
        found.append(replace(mistake, example=examples.nearest(Complaint(path, ""))) if is_bare and path else mistake)
    return found


def in_reading_order(document: Document, mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Without doubles: the main file first, each file from top to bottom."""
    main = str(document.path)
    return sorted(dict.fromkeys(mistakes), key=lambda one: (one.file != main, one.file, one.line, one.column, one.path))


def _names(value: Mapping[str, object]) -> Names:
    entitlements = value.get("entitlements")
    return Names(
        assets=_keys(value.get("assets")),
        offers=_keys(value.get("offers")),
        entitlements=None if entitlements is None else _keys(entitlements),
        meters=_keys(value.get("meters")),
    )


def _keys(section: object) -> list[str]:
    return list(section) if isinstance(section, dict) else []


def _with_numbers(document: Document, checker: Checker) -> tuple[dict[str, object], list[ValidationError]]:
    """A copy in which texts that stand for numbers or booleans are those, and what is wrong with it, shallowest first.

    It goes in rounds, as branches hide each other.
    """
    value = _copied(document.value)
    assert isinstance(value, dict)
    pending = {path for path in document.whole if path}
    errors = list(checker.iter_errors(value))
    for _ in range(_COERCIONS):
        wanted = {path: types for path, types in _wanted_types(errors) if path in pending}
        changed = [path for path, types in wanted.items() if _become(value, path, types)]
        if not changed:
            break
        pending -= set(changed)
        errors = list(checker.iter_errors(value))
    return value, sorted(errors, key=lambda error: len(error.absolute_path))


def _copied(value: object) -> object:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _wanted_types(errors: Iterable[ValidationError]) -> Iterable[tuple[Path, Sequence[str]]]:
    for error in errors:
        if error.validator == "type":
            wanted = error.validator_value
            yield tuple(error.absolute_path), wanted if isinstance(wanted, list) else [str(wanted)]
        yield from _wanted_types(error.context or ())


def _become(value: object, path: Path, types: Sequence[str]) -> bool:
    """Replace the text at ``path`` by the number or boolean that it spells, if one of those is wanted."""
    *way, last = path
    for step in way:
        value = _at(value, step)
    text = _at(value, last)
    if not isinstance(text, str):
        return False
    meant: object = None
    if "integer" in types and re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        meant = int(text)
    elif "boolean" in types and text.lower() in ("true", "false"):
        meant = text.lower() == "true"
    if meant is None:
        return False
    if isinstance(value, list):
        assert isinstance(last, int)
        value[last] = meant
    elif isinstance(value, dict):
        value[last] = meant
    return True


def _at(value: object, step: str | int) -> object:
    if isinstance(value, dict):
        return value.get(step)
    return value[step] if isinstance(value, list) and isinstance(step, int) else None


def _secret_places(document: Document, value: object, walk: SchemaWalk) -> tuple[frozenset[Path], list[Complaint]]:
    places: set[Path] = set()
    literals: list[Complaint] = []
    for path, inner, schemas in walk.everything(value):
        if not isinstance(inner, str) or not any(schema.get("secret") is True for schema in schemas):
            continue
        places.add(path)
        may_stand = any(schema.get("x-literal") == "free" for schema in schemas)
        if path not in document.outside and not may_stand and not is_demo_key(inner):
            literals.append(Complaint(path, "must not stand in the file: take it from the environment or a file"))
    return frozenset(places), literals


def is_demo_key(text: str) -> bool:
    """Whether this is one of the well-known keys of the example configuration."""
    return text in ("sk_sandbox_demo", "pk_sandbox_demo", "ak_sandbox_demo")


def _is_broken(document: Document, path: Path) -> bool:
    return any(path[:length] in document.broken for length in range(len(path) + 1))
