"""Erasing a customer in the console: what goes, what stays by law, what stands in the way, how far it has come."""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.console.forms import text
from storefront.console.pages.customer_parts import CUSTOMERS
from storefront.console.words import KEPT, at, money, spoken
from storefront.core.privacy.erasing import ErasureRequest, erase, preview_erasure, show_erasure
from storefront.core.privacy.exporting import find_person
from storefront.panels import (
    Asking,
    Cell,
    Column,
    ConsoleAct,
    Done,
    Field,
    Foreseen,
    Form,
    Line,
    Lines,
    Note,
    Row,
    Section,
    Sure,
    Table,
    Tone,
)

SCOPE = "privacy:write"


def form(here: str) -> Form:
    """Return the form that asks what erasing would do; ``here`` is the customer's address."""
    fields = (
        Field("reason", "Reason", hint=KEPT),
        Field("end", "End what is under way: subscriptions, pledges, checkouts, holds, top-ups", "checkbox",
              is_required=False),
        Field("forfeit", "Take out what is left in their wallets", "checkbox", is_required=False),
    )  # fmt: skip
    return Form(
        f"{here}/privacy/erase",
        "Erase them",
        fields,
        title="Erase…",
        explains="Everything personal goes, and the books stay whole. You see what before it is done.",
        tone=Tone.BAD,
    )


async def how_far(asking: Asking, customer_id: str) -> list[Section]:
    """Return how far the erasure of a customer has come."""
    found = await show_erasure(asking.services, customer_id)
    lines = [Line.when("Begun", at(found["begun_at"])), Line.when("Done", at(found["done_at"]), otherwise="not yet")]
    if found["done_at"] is not None:
        note = Note(Tone.GOOD, "Nothing personal is held about them any more.", "But for what the law keeps: receipts.")
    elif found["last_error"]:
        note = Note(
            Tone.BAD, "What is left could not be erased yet.", f"{found['last_error']}. It is tried again by itself."
        )
    else:
        note = Note(Tone.INFO, "They are unknown from now on.", "What is left is being erased.")
    return [note, Lines("Erasure", lines)]


async def foresee(asking: Asking) -> Foreseen:
    """Return what erasing would do, or all that stands in the way of it."""
    would = await preview_erasure(asking.services, asking.path["id"])
    if "obstacles" not in would:
        return Foreseen([Note(Tone.INFO, "They are erased already.")], is_possible=False)
    ends, forfeits = asking.form.get("end") == "yes", asking.form.get("forfeit") == "yes"
    left = [one for one in would["obstacles"] if not (one["ends"] and ends)]
    kept = {} if forfeits else would["wallets"]
    sections: list[Section] = []
    if left or kept:
        stands = "Bring this to its end, or tick that it is ended on the way, where that can be."
        sections.append(Note(Tone.BAD, "They cannot be erased now.", stands))
        sections.append(_under_way(asking, "In the way", left, kept, "let it be spent, or take it out"))
    elif would["obstacles"] or would["wallets"]:
        sections.append(
            _under_way(asking, "Ended on the way", would["obstacles"], would["wallets"], "it is taken out of the world")
        )
    rows = [Line(spoken(name), f"{many:,}") for name, many in would["erases"].items()]
    return Foreseen([*sections, Lines("What goes, in records", rows), *_stays(would)], is_possible=not (left or kept))


def _under_way(
    asking: Asking, title: str, obstacles: Sequence[Mapping[str, Any]], wallets: Mapping[str, int], how: str
) -> Table:
    rows = [
        Row((Cell(spoken(one["what"])), Cell(one["id"], is_code=True), Cell(one["how"], is_long=True)))
        for one in obstacles
    ]
    rows += [
        Row((Cell("Wallet"), Cell(money(asking, amount, asset)), Cell(how, is_long=True)))
        for asset, amount in wallets.items()
    ]
    return Table(title, (Column("What"), Column("Which"), Column("How it ends")), rows)


def _stays(would: Mapping[str, Any]) -> list[Section]:
    rows = [
        Row((Cell(spoken(one["table"])), Cell(f"{one['rows']:,}"), Cell(one["why"], is_long=True)))
        for one in would["keeps"]
    ]
    columns = (Column("What"), Column("Records", is_number=True), Column("Why, and how long"))
    return [Table("What stays by law", columns, rows)] if rows else []


async def send(asking: Asking) -> Done:
    """Erase a customer, once per form; how far it has come follows."""
    customer_id, asked = asking.path["id"], asking.form
    await erase(
        asking.services,
        ErasureRequest(
            customer_id,
            asked["reason"],
            asking.actor,
            asking.key,
            ends=asked.get("end") == "yes",
            forfeits=asked.get("forfeit") == "yes",
        ),
    )
    return Done(f"{CUSTOMERS}/{customer_id}/privacy", "erased")


async def _words(asking: Asking) -> str:
    return f"Erase {(await find_person(asking.services, asking.path['id'])).external_id}"


ACT = ConsoleAct(
    "erase",
    SCOPE,
    send,
    {"reason": text(500), "end": text(3), "forfeit": text(3)},
    needed=["reason"],
    asks_proof=True,
    says={"erased": "Erased."},
    sure=Sure("There is no way back. Whoever comes again under their id is somebody new.", shows=foresee),
    words=_words,
)
