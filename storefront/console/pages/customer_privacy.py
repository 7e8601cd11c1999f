"""A customer's privacy: all that is held about them, and making them one with another; owners' alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from storefront.console.forms import text
from storefront.console.pages.customer_parts import CUSTOMERS
from storefront.console.words import KEPT, money, spoken
from storefront.core.commit.merging import MergeNotPossible
from storefront.core.customers import LONGEST_EXTERNAL_ID
from storefront.core.errors import FieldError, Invalid, NotFound
from storefront.core.idempotency import idempotency_key
from storefront.core.merging.merge import OPERATION as MERGE
from storefront.core.merging.merge import MergeRequest, merge
from storefront.core.privacy.exporting import find_person
from storefront.panels import (
    Asking,
    Cell,
    Column,
    ConsoleAct,
    ConsolePage,
    Done,
    Field,
    Foreseen,
    Form,
    Line,
    Lines,
    Link,
    Note,
    PageView,
    Row,
    Section,
    Sure,
    Table,
    Tone,
)

SCOPE = "privacy:read"
_SIDES = {"source": "This customer", "target": "The other one", "both": "Both"}


async def show(asking: Asking) -> PageView:
    """Show what can be done about all that is held about one customer."""
    person = await find_person(asking.services, asking.path["id"])
    here = f"{CUSTOMERS}/{person.id}"
    exported = Note(
        Tone.INFO,
        "Everything that is held about them is one file.",
        "It may name others, such as who gave a gift: read it before you hand it out. That you took it out stands in "
        "the audit trail.",
        link=Link("Export everything (JSON)", f"{here}/export"),
    )
    sections: list[Section] = [exported]
    if asking.may("customers:merge"):
        sections.append(_merge_form(here))
    return PageView(f"Privacy of {person.external_id}", sections, hint=f"Customer {person.id}")


def _merge_form(here: str) -> Form:
    fields = (
        Field("into", "Into", hint="The game's id of who they are from then on, or ours.", longest=LONGEST_EXTERNAL_ID),
        Field("reason", "Reason", hint=KEPT),
    )
    return Form(
        f"{here}/privacy/merge",
        "Merge them",
        fields,
        title="Merge into another customer…",
        explains="One player had two accounts. What this one has becomes the other's; you see what before it is done.",
        tone=Tone.BAD,
    )


async def _merging(asking: Asking, *, is_dry_run: bool) -> Mapping[str, Any]:
    form, customer_id = asking.form, asking.path["id"]
    services, into = asking.services, form["into"].strip()
    source = await services.customers.external_id(customer_id)
    wanted = MergeRequest(
        idempotency=idempotency_key(asking.actor, MERGE, asking.key, {**form, "customer": customer_id}),
        source=source,
        target=into,
        reason=form["reason"],
        is_dry_run=is_dry_run,
    )
    try:
        answer, _ = await merge(services, wanted)
    except NotFound as unknown:
        wrong = "is no customer here"
        raise Invalid(f"{into} {wrong}.", errors=[FieldError("/into", wrong)]) from unknown
    found: Mapping[str, Any] = msgspec.json.decode(answer.body)
    return found


async def foresee_merge(asking: Asking) -> Foreseen:
    """Return what would move, or all that stands in the way."""
    try:
        would = await _merging(asking, is_dry_run=True)
    except MergeNotPossible as refused:
        rows = [
            Row((Cell(spoken(one["what"])), Cell(one["id"], is_code=True), Cell(_SIDES[one["of"]]),
                 Cell(one["how"], is_long=True)))
            for one in refused.facts["hindrances"]
        ]  # fmt: skip
        columns = (Column("What"), Column("Which"), Column("Whose"), Column("How it ends"))
        stands = Note(Tone.BAD, "They cannot be merged now.", "Bring this to its end, then merge them.")
        return Foreseen([stands, Table("In the way", columns, rows)], is_possible=False)
    return Foreseen([Lines(f"Becomes {would['target']['id']}'s", _moving(asking, would))])


def _moving(asking: Asking, would: Mapping[str, Any]) -> Sequence[Line]:
    lines = [
        Line(spoken(asset), money(asking, amount, asset), is_name=True) for asset, amount in would["wallets"].items()
    ]
    lines += [
        Line(f"Owed in {spoken(asset)}", money(asking, amount, asset)) for asset, amount in would["debts"].items()
    ]
    lines += [Line(sku, f"{quantity:,}", is_name=True) for sku, quantity in would["items"].items()]
    return [*lines, Line("Records", f"{sum(would['rows'].values()):,}")]


async def send_merge(asking: Asking) -> Done:
    """Make one customer another, once per form; the page of who they are now follows."""
    merged = await _merging(asking, is_dry_run=False)
    now = await asking.services.customers.need(merged["target"]["id"])
    return Done(f"{CUSTOMERS}/{now}", "merged")


async def _merge_words(asking: Asking) -> str:
    return f"Merge {await asking.services.customers.external_id(asking.path['id'])} into {asking.form['into'].strip()}"


MERGED = {"merged": "Merged: the former id goes on as a name of this customer."}


def pages() -> list[ConsolePage]:
    """Return the page of a customer's privacy."""
    merging = ConsoleAct(
        "merge",
        "customers:merge",
        send_merge,
        {"into": text(LONGEST_EXTERNAL_ID), "reason": text(500)},
        needed=["into", "reason"],
        asks_proof=True,
        sure=Sure(
            "It cannot be undone. The former id goes on as a name of the other; open sessions go on as theirs.",
            shows=foresee_merge,
        ),
        words=_merge_words,
    )
    return [ConsolePage(f"{CUSTOMERS}/{{id}}/privacy", "Privacy", SCOPE, show, acts=[merging])]
