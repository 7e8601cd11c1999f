"""Words one subscription as a card: what it is, what it costs, what comes next, what is to be done about it."""

from collections.abc import Mapping

from storefront.core.quotes import WALLET
from storefront.design.art import art, tint_class
from storefront.pages import Link
from storefront_subscriptions.account.finals import last_words
from storefront_subscriptions.account.gifts import gift_notes, gifts_begin, given_facts, keep_label, may_keep
from storefront_subscriptions.account.pauses import goes_on, paused_facts, pausing_form, resume_label
from storefront_subscriptions.account.reading import Standing
from storefront_subscriptions.account.usage import usage_view
from storefront_subscriptions.account.views import Act, Badge, Ending, Note, PlanCard
from storefront_subscriptions.account.wording import Wording, drawing_of, each
from storefront_subscriptions.config import Pausing
from storefront_subscriptions.gifts import gifted_until
from storefront_subscriptions.rows import ACTIVE, INCOMPLETE, OPEN, PAID, PAST_DUE, PAUSED, SCHEDULED, TRIALING, UNPAID

_BADGES: Mapping[str, Badge] = {
    ACTIVE: Badge("Active", "good"),
    TRIALING: Badge("Trial", "info"),
    PAST_DUE: Badge("Payment failed", "bad"),
    UNPAID: Badge("Not paid", "bad"),
    PAUSED: Badge("Paused", "info"),
    INCOMPLETE: Badge("Not paid yet", "play"),
}


async def plan_card(wording: Wording, one: Standing, pausing: Pausing) -> PlanCard:
    """Return the card of a subscription that is not over; ``pausing`` says whether it may be paused here."""
    row = one.row
    title = await wording.title(row)
    fields = {"subscription": row["id"]}
    is_ending = bool(row["ends_with_period"]) and row["billing_state"] in (ACTIVE, TRIALING)
    badge = Badge(f"Ends {wording.day(gifted_until(row))}", "play") if is_ending else _BADGES[row["billing_state"]]
    if one.pay_url is not None and row["billing_state"] == PAST_DUE:
        badge = Badge("To confirm", "bad")
    acts = [Act(keep_label(wording, one, title), "/account/resume", fields)] if is_ending and may_keep(one) else []
    if one.pause is not None and not is_ending and one.pause["state"] == SCHEDULED:
        badge = Badge(f"Pauses {wording.day(row['period_end'])}", "play")
        acts.append(Act(f"Don't pause {title}", "/account/resume", fields))
    if row["billing_state"] == PAUSED:
        acts.append(Act(resume_label(wording, one, title), "/account/resume", fields))
    if one.change is not None and not is_ending:
        words = f"Stay on {title}" if one.change["state"] == SCHEDULED else "Drop the switch"
        acts.append(Act(words, "/account/keep", fields))
    return PlanCard(
        family=row["family"],
        title=title,
        art=art(drawing_of(row["sku"]), row["sku"]),
        tint=tint_class(drawing_of(row["sku"]), row["sku"]),
        badge=badge,
        facts=tuple(_facts(wording, one, is_ending=is_ending)),
        notes=(
            *_due(wording, one, title),
            *await _pending(wording, one, title),
            *_trial(wording, one),
            *gift_notes(wording, one, title),
        ),
        acts=tuple(acts),
        ending=None if is_ending else _ending(wording, one, title),
        is_changeable=_is_changeable(wording, one),
        pausing=pausing_form(wording, one, title, pausing),
        usage=await usage_view(wording, one),
    )


def _is_changeable(wording: Wording, one: Standing) -> bool:
    row = one.row
    is_paid = one.invoice["state"] == PAID and wording.now < row["period_end"] and not one.is_given
    return row["billing_state"] in (ACTIVE, TRIALING) and is_paid


def _facts(wording: Wording, one: Standing, *, is_ending: bool) -> list[str]:
    row = one.row
    price = wording.price(row)
    day, is_free = wording.day(row["period_end"]), row["price"] == 0
    match row["billing_state"]:
        case "active" | "trialing" if one.pause is not None and not is_ending:
            facts = [f"{price}. Yours until {day}, then paused.", *goes_on(wording, one)]
        case "active" | "trialing" if one.is_given and wording.now < row["period_end"]:
            facts = given_facts(wording, one, is_ending=is_ending)
        case "trialing" if is_ending:
            facts = [f"Free until {day}, then it ends. Nothing is charged."]
        case "trialing":
            facts = [f"Free until {day}, then {wording.price(one.ahead)}."]
        case "active" if is_ending:
            more = last_words(one) if one.asks_at_end else "Nothing more is charged."
            facts = [f"{price}.", f"Yours until {day}. {more}"]
        case "paused":
            facts = paused_facts(wording, one)
        case "active" if is_free:
            facts = ["Free."]
        case "active" if wording.now >= row["period_end"]:
            facts = [f"{price}. The payment that is due is being made."]
        case "active":
            ahead = one.change is not None and one.change["state"] == SCHEDULED
            facts = [f"{price}, until {day}." if ahead else f"{price}. Next payment {day}."]
            if not ahead and one.ahead["price"] != row["price"]:
                facts = [f"{price} until {day}, then {wording.price(one.ahead)}."]
        case _:
            facts = [f"{price}."]
    if row["pay_with"] == WALLET and not is_free:
        facts.append("Paid from your wallet.")
    return facts + _credits(wording, one) + _carried(wording, one)


def _credits(wording: Wording, one: Standing) -> list[str]:
    if one.row["billing_state"] not in (ACTIVE, TRIALING):
        return []
    return [
        f"Brings {wording.amount(amount, clock.asset)} {each(clock.every)}, next on {wording.day(at)}."
        for clock, amount, at in one.credits
    ]


def _carried(wording: Wording, one: Standing) -> list[str]:
    if not one.carried:
        return []
    words = wording.due(abs(one.carried), one.row["currency"], one.row["sku"])
    if one.carried > 0:
        return [f"{words} from before is paid with the next payment."]
    return [f"{words} of credit: your next payments cost that much less."]


def _due(wording: Wording, one: Standing, title: str) -> list[Note]:
    """Say what is to be paid, when it is tried again, until when the plan goes on, and what to press."""
    row = one.row
    if row["billing_state"] not in (INCOMPLETE, PAST_DUE, UNPAID):
        return []
    amount = wording.amount(one.due, one.invoice["currency"])
    if row["billing_state"] == INCOMPLETE:
        link = None if one.pay_url is None else Link(f"Pay {amount}", one.pay_url)
        return [Note("play", f"{title} begins once {amount} is paid.", link)]
    has_access = row["access_until"] is not None and wording.now < row["access_until"]
    stays = f"{title} stays on until {wording.day(row['access_until'])}."
    last = stays if has_access else f"{title} is off until it is paid."
    if one.pay_url is not None:
        words = f"Your bank wants you to confirm the payment of {amount}. {last}"
        return [Note("bad", words, Link(f"Confirm {amount}", one.pay_url))]
    again = "" if row["next_attempt_at"] is None else f" We try again on {wording.day(row['next_attempt_at'])}."
    if row["pay_with"] == WALLET:
        words = f"Your wallet did not hold the {amount} that are due.{again} {last}"
        return [Note("bad", words, Link("Fill your wallet", "/shop"))]
    words = (
        f"Your payment of {amount} did not go through.{again} {last} Another card is charged as soon as you save it."
    )
    return [Note("bad", words, Link("Use another card", "#methods"))]


async def _pending(wording: Wording, one: Standing, title: str) -> list[Note]:
    """Say what was agreed to and is not done yet."""
    change = one.change
    if change is None:
        return []
    new = await wording.title(change)
    if change["state"] == OPEN:
        words = f"Your switch to {new} waits for your payment. Until then you keep {title}."
        return [Note("play", words, None if one.change_url is None else Link("Go on to the payment", one.change_url))]
    price = wording.price(change)
    price = price.lower() if change["price"] == 0 else price
    words = f"{new} begins on {wording.day(one.row['period_end'])}: {price}. Until then you keep {title}."
    if one.pause is not None:
        words = f"{new} begins when your plan goes on: {price}."
    return [Note("info", words)]


def _trial(wording: Wording, one: Standing) -> list[Note]:
    row = one.row
    needs_method = row["billing_state"] == TRIALING and one.is_paid_in_money and one.method is None
    if not needs_method or row["ends_with_period"]:
        return []
    words = f"No card is saved yet. Save one before {wording.day(row['period_end'])} to go on."
    return [Note("info", words, Link("Save a card", "#methods"))]


def _ending(wording: Wording, one: Standing, title: str) -> Ending:
    row = one.row
    day, fields = wording.day(gifted_until(row)), {"subscription": row["id"]}
    if row["billing_state"] == INCOMPLETE:
        words, button = f"{title} has not begun. Nothing is charged.", "Drop it"
    elif row["billing_state"] in (PAST_DUE, UNPAID):
        more = "What you used is charged a last time." if one.asks_at_end else "Nothing more is charged."
        words = f"{title} ends now, because its period is not paid. {more}{gifts_begin(one)}"
        button = "End it now"
    elif row["billing_state"] == PAUSED:
        more = " What you used is charged a last time." if one.asks_at_end else ""
        words, button = f"{title} ends now, and is not charged again.{more}{gifts_begin(one)}", "End it now"
    elif wording.now >= row["period_end"]:
        words = f"{title} ends with the period that is being paid. {last_words(one)}"
        button = "End it then"
    else:
        words = f"You keep {title} until {day}. {last_words(one)} You can take it back until then."
        button = f"End on {day}"
    return Ending(words, Act(button, "/account/cancel", fields))
