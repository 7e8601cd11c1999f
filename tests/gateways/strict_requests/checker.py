"""Says of a request what Stripe would refuse: headers, encoding, names, types, enums, keys, amounts."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import stripe

from tests.gateways.strict_requests import expansions, values
from tests.gateways.strict_requests.forms import NotAForm, decode
from tests.gateways.strict_requests.operations import find
from tests.gateways.strict_requests.refused import PAYOUT_STEPS, REFUSED_PARAMETERS, REFUSED_PATHS, STEPS

FORM = "application/x-www-form-urlencoded"
LONGEST_KEY = 255
_OUR_KEY = re.compile(r"[a-z_]+:[A-Za-z0-9_.:-]+")
_MOST_METADATA, _LONGEST_NAME, _LONGEST_VALUE = 50, 40, 500


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it went over the wire; header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Checker:
    """Checks requests one after the other: a key that comes again must come with the same request."""

    _said: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def problems(self, sent: Sent) -> list[str]:
        """Return what is wrong, in words; nothing for a request that Stripe would take."""
        return [*self._of_headers(sent), *_of_content(sent)]

    def _of_headers(self, sent: Sent) -> Iterator[str]:
        version = sent.headers.get("stripe-version")
        if version != stripe.api_version:
            yield f"Stripe-Version: {version!r} is not {stripe.api_version}"
        if not sent.headers.get("authorization", "").startswith(("Bearer sk_", "Bearer rk_")):
            yield "Authorization: no secret or restricted key as Bearer"
        account = sent.headers.get("stripe-account")
        if account is not None and re.fullmatch(r"acct_\w+", account) is None:
            yield f"Stripe-Account: {account!r} is no account"
        if sent.method == "POST":
            yield from self._of_key(sent)

    def _of_key(self, sent: Sent) -> Iterator[str]:
        key = sent.headers.get("idempotency-key", "")
        if not key:
            yield "Idempotency-Key: missing"
        elif len(key) > LONGEST_KEY:
            yield f"Idempotency-Key: longer than {LONGEST_KEY} characters"
        elif _OUR_KEY.fullmatch(key) is None:
            yield f"Idempotency-Key: {key!r} is not one of ours (operation:id)"
        elif self._said.setdefault(key, (sent.path, sent.body)) != (sent.path, sent.body):
            yield f"Idempotency-Key: {key!r} came with another request before"


def _of_content(sent: Sent) -> Iterator[str]:
    if sent.method == "POST":
        for template, why in REFUSED_PATHS.items():
            if re.fullmatch(template.replace("{}", "[^/]+"), sent.path):
                yield f"{sent.path}: {why}"
    operation = find(sent.method, sent.path)
    if operation is None:
        yield f"{sent.method} {sent.path}: no such operation"
        return
    is_json = sent.path.startswith("/v2/") and sent.method == "POST"
    try:
        parameters = _json(sent) if is_json else decode(_text(sent))
    except (NotAForm, ValueError) as error:
        yield f"the parameters cannot be read: {error}"
        return
    if operation.parameters is None:
        yield from (f"{name}: unknown parameter" for name in parameters)
        return
    yield from values.tree_problems(parameters, operation.parameters, "", is_json=is_json)
    wanted = parameters.get("expand")
    if isinstance(wanted, list):
        yield from expansions.problems([path for path in wanted if isinstance(path, str)], operation)
    if sent.method == "POST":
        yield from (f"{name}: {why}" for name, why in REFUSED_PARAMETERS.items() if name in parameters)
        yield from _of_metadata(parameters)
        yield from _of_amounts(sent.path, parameters)


def _text(sent: Sent) -> str:
    if sent.method != "POST":
        if sent.body:
            raise NotAForm(f"a {sent.method} has no body")
        return sent.query
    if sent.query:
        raise NotAForm("a POST has no query")
    if sent.body and sent.headers.get("content-type", "").partition(";")[0] != FORM:
        raise NotAForm(f"Content-Type is {sent.headers.get('content-type')!r}, not {FORM}")
    return sent.body.decode()


def _json(sent: Sent) -> dict[str, Any]:
    if sent.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise ValueError(f"Content-Type is {sent.headers.get('content-type')!r}, not application/json")
    read = json.loads(sent.body or b"{}")
    if not isinstance(read, dict):
        raise ValueError("the body is no object")
    return read


def _of_metadata(tree: Any, name: str = "") -> Iterator[str]:
    """Yield which metadata, at whatever depth, is more or longer than Stripe keeps."""
    if isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from _of_metadata(item, f"{name}[{index}]")
    if not isinstance(tree, dict):
        return
    for member, value in tree.items():
        if member != "metadata" or not isinstance(value, dict):
            yield from _of_metadata(value, f"{name}[{member}]" if name else member)
            continue
        if len(value) > _MOST_METADATA:
            yield f"{name}[metadata]: more than {_MOST_METADATA} keys"
        for key, text in value.items():
            if len(key) > _LONGEST_NAME or len(str(text)) > _LONGEST_VALUE:
                yield f"{name}[metadata][{key}]: too long"


def _of_amounts(path: str, tree: Any, currency: str = "") -> Iterator[str]:
    """Yield amounts that cannot be said in their currency."""
    if isinstance(tree, list):
        for item in tree:
            yield from _of_amounts(path, item, currency)
    if not isinstance(tree, dict):
        return
    named = tree.get("currency", currency)
    if isinstance(named, str) and named != named.lower():
        yield f"currency: {named!r} is not in lower case"
    steps = STEPS | (PAYOUT_STEPS if path == "/v1/payouts" else {})
    step = steps.get(named, 1) if isinstance(named, str) else 1
    for member in ("amount", "unit_amount"):
        amount = tree.get(member)
        if isinstance(amount, str) and amount.isdigit() and int(amount) % step:
            yield f"{member}: {amount} {named} is not divisible by {step}"
    for value in tree.values():
        yield from _of_amounts(path, value, named if isinstance(named, str) else "")
