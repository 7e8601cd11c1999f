"""Taking what may be about a person out of JSON texts that otherwise stay: events, audit facts, a purchase's details.

Ids, amounts and states stay as they are, so that whoever compares them with the books finds them.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from storefront.core.privacy.register import ERASED
from storefront.core.reading import Row

WRITTEN_BY_PEOPLE = frozenset({"reason", "why", "note", "text", "name", "message", "email", "address"})
"""Members of audit facts in which people write what they like."""
MERGED = "customer.merged"
_TOLD_IN_WORDS = ("grant.", "purchase.", "hold.", "mail.", "customer.")
"""How the events begin whose ``reason`` is a person's or another machine's words; elsewhere it is one of ours."""
_OF_A_KNOWN_FORM = re.compile(r"[a-z]{2,6}_[0-9a-z]{16,}|[A-Z]{3}|[0-9]+([./][0-9]+)?")


def redact_facts(text: str, words: Collection[str] = ()) -> str:
    """Return the facts of an audit row without what a person wrote, and without strings that are one of ``words``."""
    return _rewritten(text, lambda told: _without(told, WRITTEN_BY_PEOPLE, words))


def redact_event(row: Row, words: Collection[str] = ()) -> str:
    """Return the payload of an event without what a person wrote, and without strings that are one of ``words``."""
    members = {"reason"} if str(row["type"]).startswith(_TOLD_IN_WORDS) else ()
    if row["type"] == MERGED:
        return _rewritten(row["payload"], lambda told: _without(_nameless(told), members, words))
    return _rewritten(row["payload"], lambda told: _without(told, members, words))


def _nameless(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a merge tells without the names of the two; our ids of them stay."""
    sides = {side: {**told[side], "id": ERASED} for side in ("source", "target")}
    return {**told, **sides}


def redact_details(row: Row) -> str:
    """Return a purchase's details with only what the shop itself put there.

    A bill's are the shop's. What a buyer answered to an offer may be anything, so a string of no known form goes.
    """
    text: str = row["details"]
    return text if row["bill"] is not None else _rewritten(text, _of_a_known_form)


def _rewritten(text: str, rewrite: Any) -> str:
    told = msgspec.json.decode(text)
    redacted = rewrite(told)
    return text if redacted == told else msgspec.json.encode(redacted).decode()


def _without(told: Any, members: Collection[str], words: Collection[str]) -> Any:
    if isinstance(told, Mapping):
        return {
            name: ERASED if name in members and isinstance(value, str) else _without(value, members, words)
            for name, value in told.items()
        }
    if isinstance(told, list):
        return [_without(value, members, words) for value in told]
    return ERASED if isinstance(told, str) and told in words else told


def _of_a_known_form(told: Any) -> Any:
    if isinstance(told, Mapping):
        return {name: _of_a_known_form(value) for name, value in told.items()}
    if isinstance(told, list):
        return [_of_a_known_form(value) for value in told]
    return "" if isinstance(told, str) and _OF_A_KNOWN_FORM.fullmatch(told) is None else told
