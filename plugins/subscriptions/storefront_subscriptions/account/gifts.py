"""Words what the account page says of periods that somebody else has paid."""

from storefront.pages import Link
from storefront_subscriptions.account.reading import Standing
from storefront_subscriptions.account.views import Note
from storefront_subscriptions.account.wording import Wording
from storefront_subscriptions.gifts import gifted_until, same_terms
from storefront_subscriptions.rows import ACTIVE, TRIALING


def given_facts(wording: Wording, one: Standing, *, is_ending: bool) -> list[str]:
    """Return the sentences of a plan of which a period was given: until when, and what comes then."""
    until = wording.day(gifted_until(one.row))
    if is_ending:
        return [f"A gift: yours until {until}. Nothing is charged."]
    return [f"{wording.price(one.row)}. A gift pays until {until}, then it is your turn."]


def may_keep(one: Standing) -> bool:
    """Tell whether a plan that ends can be kept by a press: what was given only once something can be charged."""
    return not one.is_given or not one.is_paid_in_money or one.method is not None


def keep_label(wording: Wording, one: Standing, title: str) -> str:
    """Return the words of the button that lets a plan go on which ends."""
    return f"Go on after that, for {wording.price(one.row)}" if one.is_given else f"Keep {title}"


def gifts_begin(one: Standing) -> str:
    """Say, where a plan is ended that is not paid now, what becomes of periods that were given."""
    return " What was given to you begins then." if one.row["gifted"] or one.waiting else ""


def gift_notes(wording: Wording, one: Standing, title: str) -> list[Note]:
    """Say how a plan that was given goes on, and what was given and cannot begin yet."""
    notes, row = [], one.row
    if row["ends_with_period"] and row["billing_state"] in (ACTIVE, TRIALING) and not may_keep(one):
        words = f"To keep {title} after that, for {wording.price(row)}, save a card first."
        notes.append(Note("info", words, Link("Save a card", "#methods")))
    for gift in one.waiting:
        times = "1 period was" if gift["remaining"] == 1 else f"{gift['remaining']} periods were"
        words = f"{times} given to you that this plan cannot take. You have them once it is over."
        if same_terms(row, gift) and row["change_id"] is None:
            words = f"{times} given to you. You have them once this plan is paid again, or is over."
        notes.append(Note("info", words))
    return notes
