"""Words what the account page says of a pause, and how one is begun there."""

from storefront_subscriptions.account.reading import Standing
from storefront_subscriptions.account.views import Act, PausingForm
from storefront_subscriptions.account.wording import Wording, lasting
from storefront_subscriptions.config import DAY_MS, Pausing
from storefront_subscriptions.rows import ACTIVE, PAID, TRIALING

LENGTHS = (7, 14, 30, 60, 90, 180)
"""For how many days a plan is paused on the page, as far as the shop lets them; its longest is offered too."""


def paused_facts(wording: Wording, one: Standing) -> list[str]:
    """Return the sentences of a plan that is paused: since when, and what comes next."""
    assert one.pause is not None, "a plan that is paused has a pause"
    since = wording.day(one.pause["starts_at"])
    if one.pause["cause"] == "no_method":
        return [f"Paused since your trial ended on {since}. Save a card, then resume it for {wording.price(one.row)}."]
    if one.pause["cause"] == "gift_gone":
        words = f"Paused since {since}, when the gift that paid for it was taken back. Nothing was charged."
        return [words, *(goes_on(wording, one) or [f"Resume it whenever you like, for {wording.price(one.row)}."])]
    facts = [f"Paused since {since}. You have no access, and nothing is charged."]
    return facts + (goes_on(wording, one) or [f"Resume it whenever you like, for {wording.price(one.ahead)}."])


def goes_on(wording: Wording, one: Standing) -> list[str]:
    """Say when a plan goes on by itself, and what it costs then."""
    if one.pause is None or one.pause["resume_at"] is None:
        return []
    price = "" if one.ahead["price"] == 0 else f", for {wording.price(one.ahead)}"
    return [f"It goes on by itself on {wording.day(one.pause['resume_at'])}{price}."]


def resume_label(wording: Wording, one: Standing, title: str) -> str:
    """Return the words of the button that ends a pause: with what is charged then, credit taken off and tax put on."""
    agreed = one.row if one.change is None else one.change
    if one.due == 0:
        return f"Resume {title}"
    return f"Resume {title} and pay {wording.due(one.due, agreed['currency'], agreed['sku'])}"


def pausing_form(wording: Wording, one: Standing, title: str, pausing: Pausing) -> PausingForm | None:
    """Return how a plan is paused, where its customer may: with the period that is paid."""
    row = one.row
    is_paid = row["billing_state"] in (ACTIVE, TRIALING) and one.invoice["state"] == PAID
    if not pausing.by_customers or not is_paid or row["ends_with_period"] or one.pause is not None:
        return None
    if wording.now >= row["period_end"]:
        return None
    most = pausing.max_ms // DAY_MS
    days = sorted({*(one for one in LENGTHS if one < most), most} - {0})
    if not days:
        return None
    day = wording.day(row["period_end"])
    words = f"You keep {title} until {day}. Then it is off, and nothing is charged until it goes on."
    act = Act(f"Pause on {day}", "/account/pause", {"subscription": row["id"]})
    return PausingForm(words, tuple((one, lasting(one * DAY_MS)) for one in days), act)
