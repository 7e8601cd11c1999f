"""What a customer owns, and what they can do with it here: use it up, or open it; what came out of what they opened.

Whoever would use up their last one, or one with a number of its own, is asked first and told which one it is.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from storefront.core.kinds import Use
from storefront.design.money import format_count, format_virtual
from storefront.web.pages.desk import Desk, chances_title
from storefront.web.pages.offers import Holding, Offer
from storefront.web.pages.owned_view import InventoryLine, OpenedPanel, Question, UnitChoice, UseForm

CONFIRMED = "confirmed"
"""The field of a form whose sender has been asked."""

_FOR_GOOD = "Once used it is gone for good."


def must_ask(holding: Holding | None) -> bool:
    """Tell whether a customer is asked before one of these is used up: it is their last, or each is a thing of its own.

    A thing that they do not have (any more) needs no question.
    """
    return holding is not None and (bool(holding.units) or holding.usable == 1)


def inventory_line(desk: Desk, holding: Holding, *, odds_version: str, asked: str | None) -> InventoryLine:
    """Word one thing that the customer owns; ``asked`` is the SKU whose question stands open."""
    offer = desk.offer(holding.sku)
    return InventoryLine(
        sku=holding.sku,
        title=desk.title(holding.sku),
        picture=desk.picture(holding.sku),
        status=_status(desk, holding, offer),
        use=_use(desk, holding, offer, odds_version=odds_version, is_open=asked == holding.sku),
        chances=desk.chances(offer) if offer else (),
        chances_title=chances_title(offer) if offer else "",
    )


def opened_panel(desk: Desk, opening: Mapping[str, Any], *, odds_version: str) -> OpenedPanel:
    """Word what came out, from an opening as the API tells it; its odds are those that it was drawn by."""
    sku, gave = opening["sku"], opening["gave"]
    offer, drawn_by = desk.offer(sku), Offer.from_json({"sku": sku, "title": "", "odds": opening["odds"]})
    chips = [desk.named(one["sku"], one["quantity"]) for one in gave["items"]]
    chips += [desk.named(one["asset"], one["amount"]) for one in gave["credits"]]
    holding = desk.holdings.get(sku)
    again = None if holding is None else _use(desk, holding, offer, odds_version=odds_version, is_open=False)
    return OpenedPanel(
        title=desk.title(sku),
        picture=desk.picture(sku),
        gave=tuple(chips),
        withheld=tuple(desk.named(one["sku"], one["quantity"]).label for one in gave["withheld"]),
        chances=desk.chances(drawn_by),
        chances_title=chances_title(drawn_by),
        number=format_count(opening["number"], desk.page.locale),
        id=opening["id"],
        again=None if again is None else replace(again, label="Open another"),
    )


def _status(desk: Desk, holding: Holding, offer: Offer | None) -> str:
    locale = desk.page.locale
    if holding.frozen:
        return "On hold"
    if holding.expires_at:
        return f"Until {desk.day(holding.expires_at, 'MMMd')}"
    if holding.units and not holding.counted:
        return ", ".join(f"No.\N{NO-BREAK SPACE}{format_count(unit.number, locale)}" for unit in holding.units)
    if offer is not None and (offer.consumable or offer.chances):
        return format_virtual(holding.quantity, "left", locale)
    return "Yours" if holding.quantity == 1 else f"{format_count(holding.quantity, locale)} of them"


def _use(desk: Desk, holding: Holding, offer: Offer | None, *, odds_version: str, is_open: bool) -> UseForm | None:
    if offer is None or offer.use is None or not holding.usable:
        return None
    title = desk.title(holding.sku)
    fields = {"sku": holding.sku, "idempotency_key": desk.new_key()}
    if offer.use == Use.OPEN:
        return UseForm("open", "Open", f"Open one {title}", {**fields, "odds_version": odds_version})
    fields["quantity"] = "1"
    if not must_ask(holding):
        return UseForm("consume", "Use", f"Use one {title}", fields)
    only = holding.units[0].instance if holding.usable == 1 and holding.units else None
    more = {CONFIRMED: "yes"} | ({"instance": only} if only else {})
    question = _question(desk, holding, title, is_open=is_open)
    return UseForm("consume", "Use", f"Use {title}", {**fields, **more}, question)


def _question(desk: Desk, holding: Holding, title: str, *, is_open: bool) -> Question:
    numbers = [(unit.instance, f"No.\N{NO-BREAK SPACE}{format_count(unit.number, desk.page.locale)}")
               for unit in holding.units]  # fmt: skip
    if holding.usable == 1:
        which, answer = (numbers[0][1], f"Use {numbers[0][1]}") if numbers else ("", "Use it")
        named = f"{title} {which}" if which else title
        only = "It is the only one you have. " if holding.quantity == 1 else ""
        return Question(f"Use up {named}? {only}{_FOR_GOOD}", answer, (), is_open)
    options = [*([("", "One without a number")] if holding.counted else []), *numbers]
    choices = [
        UnitChoice(f"unit-{holding.sku}-{place}", value, label, place == 0)
        for place, (value, label) in enumerate(options)
    ]
    return Question(f"Which {title} shall be used up? {_FOR_GOOD}", "Use this one", tuple(choices), is_open)
