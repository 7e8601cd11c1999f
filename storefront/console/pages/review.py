"""The review queue: purchases that wait for a person, why, and the verbs."""

from collections.abc import Mapping
from typing import Any

from storefront.console.forms import text
from storefront.console.words import at, link, offer_title, spoken, total
from storefront.core.operating.gauges import count_reviews
from storefront.core.operating.reviews import approve_review, list_reviews, reject_review, show_review
from storefront.core.services import Services
from storefront.panels import (
    Asking,
    Cell,
    Column,
    ConsoleAct,
    ConsolePage,
    Done,
    Field,
    Form,
    Opinion,
    PageView,
    Queue,
    Review,
    Row,
    Section,
    Sure,
    Table,
    Tone,
)

PATH = "/console/review"
SHOWN = 20
_WHY = {"reason": text(500)}
_GOODS = {
    "hold": "held in their wallet",
    "authorized": "the card is authorised",
    "received": "the money is here",
    "none": "nothing is held",
}


async def show_queue(asking: Asking) -> PageView:
    """Show what waits, oldest last, and how the latest were decided."""
    services, query = asking.services, asking.query
    if query.get("q"):
        waiting = [await show_review(services, query["q"])]
    else:
        waiting = (await list_reviews(services, state="open", limit=SHOWN, after=query.get("after")))["data"]
    cards = [await _card(asking, one) for one in waiting if one["state"] == "open"]
    hint = f"{len(cards)} waiting" if cards else ""
    empty = "Nobody waits. What rules set aside comes here."
    sections: list[Section] = [Queue("Needs a person", hint, cards, empty=empty)]
    closed = await list_reviews(services, state="closed", limit=SHOWN, after=query.get("after"))
    rows = [_decided(asking, one) for one in closed["data"]]
    older = None if closed["next"] is None else link(PATH, {}, after=closed["next"])
    columns = (
        Column("When"),
        Column("Purchase"),
        Column("Customer"),
        Column("Amount", is_number=True),
        Column("Decided"),
    )
    decided = Table(
        "Decided",
        columns,
        rows,
        empty="Nothing was decided yet.",
        older=older,
        newer=PATH if query.get("after") else None,
    )
    sections.append(decided)
    return PageView("Review", sections, is_live=True)


async def _card(asking: Asking, one: Mapping[str, Any]) -> Review:
    opinions = [part for part in await asking.parts("review", one["purchase"]) if isinstance(part, Opinion)]
    scores = [opinion.score for opinion in opinions if opinion.score is not None]
    words = {code: said for opinion in opinions for code, said in opinion.words.items()}
    forms: list[Form] = []
    if asking.may("reviews:write"):
        kept = (Field("reason", "Why", hint="For the record."),)
        forms = [
            Form(f"{PATH}/{one['purchase']}/approve", "Let it through", kept),
            Form(f"{PATH}/{one['purchase']}/reject", "Refuse it", kept, tone=Tone.BAD),
            *(form for opinion in opinions for form in opinion.forms),
        ]
    quantity = f"{one['quantity']} × " if one["quantity"] > 1 else ""
    waits = f"{_GOODS.get(one['money'], one['money'])}, goods not granted yet"
    return Review(
        score=str(max(scores)) if scores else "–",
        tone=Tone.BAD if any(opinion.tone is Tone.BAD for opinion in opinions) else Tone.PLAY,
        sum=total(asking, one["total"]),
        who=one["customer"]["id"],
        what=f"{quantity}{offer_title(asking, one['sku'])} · {waits}",
        until=at(one["expires_at"]),
        reasons=[words.get(reason, spoken(reason)) for reason in map(str, one["reasons"])]
        + [reason for opinion in opinions for reason in opinion.reasons],
        forms=forms,
        url=f"/console/purchases/{one['purchase']}",
    )


def _decided(asking: Asking, one: Mapping[str, Any]) -> Row:
    tone = Tone.GOOD if one["decision"] == "approved" else Tone.PLAIN
    return Row(
        (
            Cell.when(at(one["decided_at"] or one["closed_at"])),
            Cell(offer_title(asking, one["sku"]), hint=one["purchase"]),
            Cell(one["customer"]["id"], is_name=True),
            Cell(total(asking, one["total"]), is_strong=True),
            Cell(spoken(one["decision"] or "closed"), tone=tone, hint=one["reason"] or ""),
        ),
        url=f"/console/purchases/{one['purchase']}",
    )


async def send_approval(asking: Asking) -> Done:
    await approve_review(asking.services, asking.path["id"], reason=asking.form["reason"], actor=asking.actor)
    return Done(PATH, "approved")


async def send_rejection(asking: Asking) -> Done:
    await reject_review(asking.services, asking.path["id"], reason=asking.form["reason"], actor=asking.actor)
    return Done(PATH, "rejected")


async def _reject_words(asking: Asking) -> str:
    one = await show_review(asking.services, asking.path["id"])
    return f"Refuse {one['customer']['id']}'s purchase for {total(asking, one['total'])}"


async def _waiting(services: Services) -> tuple[int, Tone]:
    return await count_reviews(services), Tone.PLAY


async def show_one(asking: Asking) -> PageView:
    """Show one review, where its forms come back to when they are refused."""
    one = await show_review(asking.services, asking.path["id"])
    if one["state"] == "open":
        return PageView("Review", [Queue("Needs a person", "", [await _card(asking, one)])])
    columns = (
        Column("When"),
        Column("Purchase"),
        Column("Customer"),
        Column("Amount", is_number=True),
        Column("Decided"),
    )
    return PageView("Review", [Table("Decided", columns, [_decided(asking, one)])])


def pages() -> list[ConsolePage]:
    """Return the pages of the review queue."""
    says = {
        "approved": "It is let through.",
        "rejected": "It is refused. The money goes back.",
        "blocked": "It is refused, the money goes back, and its buyer is on the block lists.",
    }
    sure = Sure("No goods are granted, and the money goes back to whoever paid.")
    acts = [
        ConsoleAct("approve", "reviews:write", send_approval, _WHY, needed=["reason"], says=says),
        ConsoleAct(
            "reject",
            "reviews:write",
            send_rejection,
            _WHY,
            needed=["reason"],
            says=says,
            sure=sure,
            words=_reject_words,
        ),
    ]
    queue = ConsolePage(
        PATH,
        "Review",
        "reviews:read",
        show_queue,
        group="watch",
        icon="shield",
        counts=_waiting,
        query={"q": text(40), "after": text(80)},
        says=says,
    )
    return [queue, ConsolePage(f"{PATH}/{{id}}", "Review", "reviews:read", show_one, acts=acts)]
