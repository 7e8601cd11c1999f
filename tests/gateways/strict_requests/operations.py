"""All operations of Stripe's API as the pinned library's services make them, read from their source."""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import stripe

ROOT = Path(stripe.__file__).parent
_LISTS = ("ListObject", "SearchResultObject")
_REQUESTS = ("_request_async", "_request_stream_async")


@dataclass(frozen=True, slots=True)
class Operation:
    """A method and path (``/v1/refunds/{refund}``), the type of its parameters, and the classes that it may answer."""

    method: str
    path: str
    pattern: re.Pattern[str]
    parameters: Any  # a TypedDict, or None
    answers: tuple[tuple[str, str], ...]  # module and class
    answers_list: bool


def find(method: str, path: str) -> Operation | None:
    """Return the operation that a request is, ``None`` for one that the library does not know."""
    resource = "/".join(path.split("/")[:3])  # /v1/refunds
    return next((one for one in _operations(resource) if one.method == method and one.pattern.fullmatch(path)), None)


@cache
def _operations(resource: str) -> tuple[Operation, ...]:
    """Return all below a path, those without an id in theirs first: they win over an id that reads like them."""
    files = [path for path in sorted(ROOT.rglob("_*_service.py")) if f'"{resource}' in path.read_text()]
    found = [one for path in files for one in _of_file(path) if f"{one.path}/".startswith(f"{resource}/")]
    return tuple(sorted(found, key=lambda one: one.path.count("{")))


def imported(tree: ast.Module) -> dict[str, str]:
    """Name -> module, of all imports of a file, those for type checkers too."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module is not None)
    return {alias.asname or alias.name: str(node.module) for node in nodes for alias in node.names}


def _of_file(path: Path) -> Iterator[Operation]:
    tree = ast.parse(path.read_text())
    modules = imported(tree)
    for function in ast.walk(tree):
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _REQUESTS:
                yield _operation(call, function, modules)


def _operation(call: ast.Call, function: ast.AsyncFunctionDef, modules: dict[str, str]) -> Operation:
    template = _path(call.args[1])
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
    answered = re.findall(r"\w+", ast.unparse(function.returns or ast.Constant("None")))
    return Operation(
        method=str(ast.literal_eval(call.args[0])).upper(),
        path=template,
        pattern=re.compile(pattern),
        parameters=_parameters(function, modules),
        answers=tuple((modules[name], name) for name in answered if name in modules and name not in _LISTS),
        answers_list=answered[0] in _LISTS,
    )


def _path(node: ast.expr) -> str:
    if isinstance(node, ast.Call):  # "/v1/refunds/{refund}".format(refund=…)
        assert isinstance(node.func, ast.Attribute)
        node = node.func.value
    return str(ast.literal_eval(node))


def _parameters(function: ast.AsyncFunctionDef, modules: dict[str, str]) -> Any:
    argument = next((one for one in function.args.args if one.arg == "params"), None)
    if argument is None or argument.annotation is None:
        return None
    name = re.search(r"\w+Params", ast.unparse(argument.annotation))
    assert name is not None, ast.unparse(argument)
    return getattr(importlib.import_module(modules[name.group()]), name.group())
