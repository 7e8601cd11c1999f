"""Changing a membership's tier at the console: what it would cost first, then exactly that, by the preview's token."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from storefront.core.errors import FieldError, Invalid
from storefront.core.reading import Row
from storefront.core.top_ups import country_of
from storefront.pages.lists import at, money, offer_title, spoken, total
from storefront.panels import Asking, ConsoleAct, Done, Field, Form, Line, Lines, Link, Note, PageView, Section, Tone
from storefront_subscriptions.account.choices import Chosen, families_on_sale, ways_of
from storefront_subscriptions.account.reading import Standing
from storefront_subscriptions.account.wording import each
from storefront_subscriptions.change_rules import Timing
from storefront_subscriptions.changing import ChangeRequest, change
from storefront_subscriptions.config import Settings, Tier
from storefront_subscriptions.console.acts import FINANCE, REASON, SAYS, TEXT, by_of
from storefront_subscriptions.console.words import PATH, day, wording_of
from storefront_subscriptions.previewing import preview
from storefront_subscriptions.rows import ACTIVE, PAID, TRIALING, need

_FIELDS = {"plan": TEXT, "seats": TEXT, "timing": TEXT, "reason": TEXT, "token": {"type": "string", "maxLength": 8_192}}
_TIMINGS = (("", "As the shop's rules say"), ("now", "Now"), ("period_end", "With the next period"))


def change_forms(asking: Asking, row: Row, one: Standing) -> list[Section]:
    """Return where a change of tier begins; none where it could not be changed now."""
    is_paid = row["billing_state"] in (ACTIVE, TRIALING) and one.invoice["state"] == PAID
    wording = wording_of(asking)
    offers = families_on_sale(wording).get(row["family"], [])
    if not asking.may(FINANCE) or not is_paid or row["ends_with_period"] or one.pause is not None or not offers:
        return []
    present, most = f"{row['sku']}|{row['interval']}|{row['currency']}", max(Tier.of(one).most_seats for one in offers)
    ways = [way for offer in offers for way in ways_of(wording, offer, row)]
    choices = [
        (way["value"], f"{way['title']}, {way['price']} {way['each']}".strip())
        for way in ways
        if most > 1 or way["value"] != present
    ]
    if not choices:
        return []
    fields = [Field("plan", "To", "select", choices=choices, value=present)]
    if most > 1:
        fields.append(Field("seats", "Seats", value=str(row["seats"]), hint=f"1 to {most}", is_required=False))
    fields += [Field("timing", "When", "select", choices=_TIMINGS, is_required=False), REASON]
    return [
        Form(
            f"{PATH}/{row['id']}/change",
            "See what it would cost",
            fields,
            title="Change the tier…",
            explains="Nothing happens yet: the next page shows what is charged.",
            is_folded=True,
        )
    ]


def change_act(settings: Settings) -> ConsoleAct:
    """Return what the form does: show the change, or make the one that was shown."""
    return ConsoleAct("change", FINANCE, _changing(settings), _FIELDS, needed=["reason"], says=SAYS)


def _changing(settings: Settings) -> Callable[[Asking], Awaitable[Done | PageView]]:
    async def act(asking: Asking) -> Done | PageView:
        services, row = asking.services, await need(asking.services, asking.path["id"])
        country = await country_of(services, row["customer_id"], None)
        if "token" not in asking.form:
            wanted = replace(_chosen(asking.form).as_wanted(row), is_trusted=True)
            return _shown(asking, row, await preview(services, settings, row, wanted, country=country))
        by = by_of(asking, "change")
        asked = ChangeRequest(
            idempotency=by.key,
            subscription_id=row["id"],
            wanted=None,
            token=asking.form["token"],
            return_url=f"{services.public_url}/account/return",
            country=country,
            by=by,
        )
        status = (await change(services, settings, asked)).answer.status
        return Done(f"{PATH}/{row['id']}", {200: "scheduled", 201: "changed"}.get(status, "to_pay"))

    return act


def _chosen(form: Mapping[str, Any]) -> Chosen:
    """Read what was chosen; raises ``Invalid``."""
    plan, seats = form.get("plan", ""), form.get("seats")
    if plan.count("|") != 2:
        raise Invalid("Choose a tier.", errors=[FieldError("/plan", "is missing")])
    if seats is not None and not (seats.isascii() and seats.isdigit() and 1 <= int(seats) <= 10_000):
        raise Invalid(f"{seats} is no number of seats.", errors=[FieldError("/seats", "must be a whole number")])
    timing = form.get("timing")
    if timing is not None and timing not in set(Timing):
        raise Invalid("Choose when.", errors=[FieldError("/timing", "is no time for a change")])
    return Chosen.parse(plan, seats=None if seats is None else int(seats), timing=timing)


def _shown(asking: Asking, row: Row, shown: Mapping[str, Any]) -> PageView:
    """Show what a change would be, line by line, and the button that makes exactly that."""
    is_now, amount = shown["timing"] == Timing.NOW, total(asking, shown["total"])
    lines = [Line(line["title"], total(asking, line["total"])) for line in shown["lines"]]
    if shown["returned"]["amount"]:
        lines.append(Line("Goes back to their wallet", total(asking, shown["returned"])))
    lines.append(Line.when("It changes", at(shown["change_at"])))
    lines.append(Line.when("That period ends", at(shown["period_end"])))
    renews = shown["renews_for"]
    after = f"{money(asking, renews['amount'], renews['currency'])} {each(shown['interval'])}"
    lines.append(Line("Then, before tax", after))
    due = Line("Charged now" if is_now else "Charged then", amount)
    kept = (
        Field("token", "token", "hidden", value=shown["token"]),
        Field("reason", "reason", "hidden", value=asking.form["reason"]),
    )
    when = day(asking, at(shown["change_at"]) or 0)
    button = f"Change it and charge {amount}" if is_now and shown["total"]["amount"] else "Change it now"
    send = Form(
        f"{PATH}/{row['id']}/change",
        button if is_now else f"Change it on {when}",
        kept,
        explains="This is exactly what happens. It holds for ten minutes.",
    )
    back = Note(Tone.INFO, "Nothing has happened yet.", link=Link("Keep it as it is", f"{PATH}/{row['id']}"))
    title = f"{spoken(shown['direction'])} to {offer_title(asking, shown['tier'])}?"
    return PageView(title, [back, Lines("What the change does", lines, total=due), send], hint=row["id"])
