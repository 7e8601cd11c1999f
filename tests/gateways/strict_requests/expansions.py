"""Whether the members that a request wants expanded are there at all, by the annotations of the library's resources."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.gateways.strict_requests.operations import ROOT, Operation, imported
from tests.gateways.strict_requests.refused import REFUSED_EXPANSIONS

MOST_LEVELS = 4
Place = tuple[str, str]  # a module and a class in it, ``Session.TotalDetails`` for one inside another


def problems(paths: list[str], operation: Operation) -> Iterator[str]:
    """Yield which paths of ``expand`` lead nowhere."""
    for path in paths:
        if any(path == gone or path.endswith(f".{gone}") for gone in REFUSED_EXPANSIONS):
            yield f"expand: {path} is gone from the API"
        steps = path.split(".")
        if operation.answers_list:
            if steps[0] != "data" or len(steps) < 2:
                yield f"expand: {path} does not begin with data"
                continue
            steps = steps[1:]
        if len(steps) > MOST_LEVELS:
            yield f"expand: {path} goes deeper than {MOST_LEVELS} levels"
        if operation.answers and not _leads_somewhere([*operation.answers], steps):
            yield f"expand: {path} is no member of {operation.answers[0][1]}"


def _leads_somewhere(places: list[Place], steps: list[str]) -> bool:
    for step in steps:
        found = [members[step] for place in places if step in (members := _members(place))]
        if not found:
            return False
        places = [place for some in found for place in some]
    return True


@cache
def _members(place: Place) -> dict[str, tuple[Place, ...]]:
    """Member -> the classes that it may hold."""
    module, name = place
    path = _file(module)
    if path is None:
        return {}
    tree = ast.parse(path.read_text())
    modules = imported(tree)
    scopes = [name.rpartition(".")[0], name]
    body: list[ast.stmt] = tree.body
    inner: dict[str, str] = {}
    for part in name.split("."):
        node = next((one for one in body if isinstance(one, ast.ClassDef) and one.name == part), None)
        if node is None:
            return {}
        body = node.body
    inner = {one.name: f"{scopes[1]}.{one.name}" for one in body if isinstance(one, ast.ClassDef)}

    def classes(annotation: ast.expr) -> tuple[Place, ...]:
        names = re.findall(r"\w+", ast.unparse(annotation))
        nested = [(module, inner[each]) for each in names if each in inner]
        return (*nested, *((modules[each], each) for each in names if modules.get(each, "").startswith("stripe.")))

    return {
        one.target.id: classes(one.annotation)
        for one in body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    }


def _file(module: str) -> Path | None:
    path = ROOT.parent / Path(*module.split(".")).with_suffix(".py")
    return path if path.is_file() else None
