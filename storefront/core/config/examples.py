"""The nearest example that would stand right at the place of a mistake, in this very document.

Examples of a schema speak of names that a shop may not have, and a mistake may lie in what the example would repeat.
So each is put in its place, checked like the document itself, and shown only if nothing is wrong there then; names that
the shop does not know are replaced by its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise

import yaml

from storefront.core.config.messages import Complaint, explain
from storefront.core.config.mistakes import Path
from storefront.core.config.validation import AnySchema, Checker, Names, SchemaWalk, known_names

Complain = Callable[[Mapping[str, object]], Iterable[Complaint]]

_MOST_TRIED = 400
"""How many examples are checked for one document; mistakes after that get none."""

_MOST_NAMES = 12


class Examples:
    """Finds examples for the mistakes of one document: ``complaints`` are all of them.

    ``complain`` says what is wrong with a document besides its schema.
    """

    def __init__(
        self,
        value: Mapping[str, object],
        walk: SchemaWalk,
        checker: Checker,
        *,
        names: Names,
        complaints: Iterable[Complaint],
        complain: Complain,
    ) -> None:
        self._value = value
        self._walk = walk
        self._checker = checker
        self._known = known_names(names)
        self._complain = complain
        self._before = {(one.path, one.message) for one in complaints}
        self._left = _MOST_TRIED

    def nearest(self, complaint: Complaint) -> str | None:
        """Return an example as YAML text: of the value itself, else of what it stands in; None if none is right."""
        meant = complaint.meant or complaint.path
        levels = self._walk.along(self._value, meant)
        for length in range(len(meant), 0, -1):
            path, step, below = meant[:length], meant[length - 1], meant[length:]
            for schema in levels[length]:
                examples = schema.get("examples")
                for example in examples if isinstance(examples, list) else ():
                    if not complaint.at_key and not _leads_on(example, below):
                        continue
                    found = next((one for one in self._variants(example, schema, complaint)
                                  if self._is_right(path, one, complaint)), None)  # fmt: skip
                    if found is not None:
                        return as_yaml(_shown(found, path, step))
        return None

    def _variants(self, example: object, schema: AnySchema, complaint: Complaint) -> Iterator[object]:
        """The example as it is, then with the shop's own names in place of those that it does not know."""
        yield example
        unknown = dict(self._unknown_names(example, schema))
        if not unknown or not all(unknown.values()):
            return
        word = self._written(complaint.path)
        pools = {name: _nearest_first(word, pool)[:_MOST_NAMES] for name, pool in unknown.items()}
        for turn in range(max(map(len, pools.values()))):
            chosen = {name: pool[(turn + place) % len(pool)] for place, (name, pool) in enumerate(pools.items())}
            yield _renamed(example, chosen)

    def _written(self, path: Path) -> str:
        """Return what stands at a place, or is its key: the shop's name that is nearest to it is likely meant."""
        value: object = self._value
        for step in path:
            value = _at(value, step)
        return value if isinstance(value, str) else next((step for step in reversed(path) if isinstance(step, str)), "")

    def _unknown_names(self, example: object, schema: AnySchema) -> Iterator[tuple[str, Sequence[str]]]:
        """Names in the example that the document does not declare, each with those that could stand there."""
        for _, value, schemas in self._walk.below(schema, example):
            for one in schemas:
                names, kinds = _names_in(value, one)
                pools = [self._known.get(kind) for kind in kinds]
                if not kinds or any(pool is None for pool in pools):
                    continue
                pool = [name for found in pools for name in found or ()]
                yield from ((name, pool) for name in names if name not in pool)

    def _is_right(self, path: Path, example: object, complaint: Complaint) -> bool:
        """Tell whether nothing is wrong at ``path`` any more once the example stands there."""
        if "${" in str(example) or path == ("plugins",):
            return True  # what it stands for, or whether it is enabled then, is not known here
        if not self._left:
            return False
        self._left -= 1
        patched = _placed(self._value, path, example)
        if patched is None:
            return False
        if complaint.at_key and complaint.path[: len(path)] != path:
            _remove(patched, complaint.path)
        wrong = [one for error in self._checker.iter_errors(_without_others(patched, path)) for one in explain(error)]
        wrong += self._complain(patched)
        around = [one for one in wrong if one.path and path[: len(one.path)] == one.path and one.path != path]
        here = [one for one in wrong if one.path[: len(path)] == path or one.path == complaint.path]
        return not here and all((one.path, one.message) in self._before for one in around)


def _leads_on(example: object, below: Path) -> bool:
    """Tell whether an example has the lists that a mistake lies in: one of an offer without any sale says nothing of a
    sale."""
    for step, inner in pairwise(below):
        entry = _at(example, 0 if isinstance(step, int) else step)
        if entry is None and isinstance(example, dict) and not isinstance(inner, int):
            entry = next(iter(example.values()), None)  # its names are others
        example = entry
        if isinstance(inner, int) and not (isinstance(example, list) and example):
            return False
    return True


def _shown(found: object, path: Path, step: str | int) -> object:
    """Return an example with the key that it stands under; a bare word in a list with the key of that."""
    if isinstance(step, str):
        return {step: found}
    key = path[-2] if len(path) > 1 else None
    return {key: [found]} if isinstance(key, str) and not isinstance(found, dict | list) else [found]


def as_yaml(value: object) -> str:
    """Write an example; what is small on one line."""
    is_small = isinstance(value, dict) and not any(isinstance(inner, dict | list) for inner in value.values())
    style = False if is_small else None
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=style, width=100)
    return text.rstrip("\n")


def _names_in(value: object, schema: AnySchema) -> tuple[list[str], list[str]]:
    """The names that a value holds by this schema, and of which kinds they may be."""
    listed, refers = schema.get("x-names"), schema.get("x-ref")
    kinds = [str(kind) for kind in listed] if isinstance(listed, list) else []
    if isinstance(value, str):
        return [value], [*kinds, *([refers] if isinstance(refers, str) else [])]
    if not isinstance(value, dict):
        return [], []
    keys, of_keys = schema.get("x-keys"), schema.get("propertyNames")
    kinds += [keys] if isinstance(keys, str) else []
    kinds += [str(of_keys["x-ref"])] if isinstance(of_keys, Mapping) and "x-ref" in of_keys else []
    return list(value), kinds


def _nearest_first(word: str, names: Sequence[str]) -> list[str]:
    close = get_close_matches(word, names, n=3, cutoff=0.6)
    return [*close, *(name for name in dict.fromkeys(names) if name not in close)]


def _renamed(value: object, names: Mapping[str, str]) -> object:
    if isinstance(value, dict):
        return {names.get(key, key): _renamed(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, names) for inner in value]
    return names.get(value, value) if isinstance(value, str) else value


def _placed(document: Mapping[str, object], path: Path, example: object) -> dict[str, object] | None:
    """A copy of the document with the example at ``path``; only what leads there is copied. None if nothing can."""
    root: dict[str, object] = dict(document)
    inside: object = root
    for place, step in enumerate(path):
        value = example if place == len(path) - 1 else _copied(_at(inside, step))
        if not _put(inside, step, value):
            return None
        inside = value
    return root


def _put(inside: object, step: str | int, value: object) -> bool:
    if isinstance(inside, list) and isinstance(step, int) and step < len(inside):
        inside[step] = value
        return True
    if isinstance(inside, dict):
        inside[step] = value
    return isinstance(inside, dict)


def _copied(value: object) -> object:
    if isinstance(value, list):
        return list(value)
    return dict(value) if isinstance(value, dict) else {}


def _at(value: object, step: str | int) -> object:
    if isinstance(value, dict):
        return value.get(str(step))
    return value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None


def _remove(document: dict[str, object], path: Path) -> None:
    """Take a wrong key away, whose place the example takes; what leads there is a copy, or is not looked at again."""
    inside: object = document
    for step in path[:-1]:
        inner = _copied(_at(inside, step))
        _put(inside, step, inner)
        inside = inner
    if isinstance(inside, dict):
        inside.pop(path[-1], None)


def _without_others(document: Mapping[str, object], path: Path) -> dict[str, object]:
    """Without the offers that the place does not lie in: they are many, and each is checked by itself."""
    offers = document.get("offers")
    kept = {} if path[0] != "offers" or len(path) < 2 or not isinstance(offers, dict) else {path[1]: offers[path[1]]}
    return dict(document) if path == ("offers",) else {**document, "offers": kept}
