"""What operators do to a membership: each form says what happens, does its thing once, and leaves an audit row."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storefront.core.clock import parse_iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.idempotency import idempotency_key
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.pages.lists import money, offer_title
from storefront.panels import Asking, ConsoleAct, Done, Field, Form, Section, Sure, Tone
from storefront_subscriptions.account.reading import Standing
from storefront_subscriptions.by_hand import ByHand, is_done
from storefront_subscriptions.canceling import cancel_at_end, end_now
from storefront_subscriptions.changing import revoke
from storefront_subscriptions.charging_now import charge_now, is_chargeable
from storefront_subscriptions.config import Settings
from storefront_subscriptions.console.words import PATH, day, wording_of
from storefront_subscriptions.gifts import gifted_until
from storefront_subscriptions.pausing import PauseRequest, keep, pause, resume
from storefront_subscriptions.rows import ACTIVE, OPEN, OVER, PAUSED, SCHEDULED, TRIALING, need

SUPPORT, FINANCE = "customers:write", "purchases:write"
TEXT = {"type": "string", "maxLength": 500}
REASON = Field("reason", "Reason", hint="Kept for ever. No names or addresses.")
SAYS: Mapping[str, str] = {
    "again": "That was done before. Nothing has happened now.",
    "ends": "It ends with its period.",
    "ended": "It has ended.",
    "kept": "It goes on.",
    "paused": "It is paused.",
    "pauses": "It pauses with its period.",
    "resumed": "It goes on.",
    "due": "It goes on once its payment is made.",
    "charged": "The payment went through.",
    "tried": "It was tried. Below stands what came of it.",
    "changed": "The tier is changed.",
    "scheduled": "The tier changes with the next period.",
    "to_pay": "The change waits for its payer.",
    "dropped": "The change is dropped.",
}
_ENDS_AT_ONCE = Sure(
    "Access ends at once, and periods that were given for later are given up. No money goes back by this: refund the "
    "purchase for that."
)
_ENDS_UNPAID = Sure("No period of it is paid, so it ends at once, and nothing more is charged.")
Do = Callable[[Services, Settings, str, ByHand], Awaitable[str]]


def by_of(asking: Asking, act: str) -> ByHand:
    """Return whose form it is: told apart by its own key, and bound to what it says."""
    told = {**asking.form, "subscription": asking.path["id"]}
    key = idempotency_key(asking.actor, f"console memberships {act}", asking.key, told)
    return ByHand(key, asking.form["reason"])


async def _cancel(services: Services, settings: Settings, subscription_id: str, by: ByHand) -> str:
    row = await cancel_at_end(services, settings, subscription_id, is_on=True, actor=by.key.caller, by=by)
    return "ended" if row["billing_state"] in OVER else "ends"


async def _end(services: Services, settings: Settings, subscription_id: str, by: ByHand) -> str:
    await end_now(services, settings, subscription_id, reason="canceled", actor=by.key.caller, gives_up=True, by=by)
    return "ended"


async def _keep(services: Services, settings: Settings, subscription_id: str, by: ByHand) -> str:
    await keep(services, settings, subscription_id, actor=by.key.caller, by=by)
    return "kept"


async def _resume(services: Services, settings: Settings, subscription_id: str, by: ByHand) -> str:
    row = await resume(services, settings, subscription_id, keeps_anchor=None, actor=by.key.caller, by=by)
    return "resumed" if row["billing_state"] in (ACTIVE, TRIALING) else "due"


async def _charge(services: Services, settings: Settings, subscription_id: str, by: ByHand) -> str:
    row = await charge_now(services, settings, subscription_id, by=by)
    return "charged" if row["billing_state"] == ACTIVE else "tried"


async def _drop(services: Services, settings: Settings, subscription_id: str, by: ByHand) -> str:
    await revoke(services, settings, subscription_id, actor=by.key.caller, by=by)
    return "dropped"


async def _end_words(asking: Asking) -> str:
    row = await need(asking.services, asking.path["id"])
    customer = await asking.services.customers.external_id(row["customer_id"])
    return f"End {await wording_of(asking).title(row)} of {customer} now"


def _doing(name: str, do: Do, settings: Settings) -> Callable[[Asking], Awaitable[Done]]:
    """Return what a form does once: sent again, it leads to the page."""

    async def act(asking: Asking) -> Done:
        by, subscription_id = by_of(asking, name), asking.path["id"]
        if await is_done(asking.services, by):
            return Done(f"{PATH}/{subscription_id}", "again")
        return Done(f"{PATH}/{subscription_id}", await do(asking.services, settings, subscription_id, by))

    return act


def _pausing(settings: Settings) -> Callable[[Asking], Awaitable[Done]]:
    async def act(asking: Asking) -> Done:
        form, subscription_id = asking.form, asking.path["id"]
        by = by_of(asking, "pause")
        if not await is_done(asking.services, by):
            asked = PauseRequest(
                subscription_id,
                asking.actor,
                is_now=form.get("when") == "now",
                resume_at=_day(form.get("until")),
                is_trusted=True,
                by=by,
            )
            row = await pause(asking.services, settings, asked)
            return Done(f"{PATH}/{subscription_id}", "paused" if row["billing_state"] == PAUSED else "pauses")
        return Done(f"{PATH}/{subscription_id}", "again")

    return act


def _day(text: str | None) -> int | None:
    """Read a day (UTC), whose first instant is meant; raises ``Invalid``."""
    if text is None:
        return None
    try:
        return parse_iso(f"{text}T00:00:00Z")
    except (ValueError, OverflowError) as error:
        message = "must be a day as 2027-01-31"
        raise Invalid(f"{text} is no day.", errors=[FieldError("/until", message)]) from error


def acts(settings: Settings) -> list[ConsoleAct]:
    """Return what forms of a membership's page do, but for changes of tier."""
    made: Sequence[tuple[str, str, Do]] = (
        ("cancel", SUPPORT, _cancel),
        ("keep", SUPPORT, _keep),
        ("resume", FINANCE, _resume),
        ("charge", FINANCE, _charge),
        ("drop-change", FINANCE, _drop),
    )
    found = [
        ConsoleAct(name, scope, _doing(name, do, settings), {"reason": TEXT}, needed=["reason"], says=SAYS)
        for name, scope, do in made
    ]
    fields = {"reason": TEXT, "when": TEXT, "until": TEXT}
    taken = [
        ConsoleAct(
            name, scope, _doing(act, do, settings), {"reason": TEXT}, needed=["reason"], says=SAYS, sure=sure,
            words=_end_words,
        )
        for name, act, scope, do, sure in (
            ("end", "end", FINANCE, _end, _ENDS_AT_ONCE),
            ("end-unpaid", "cancel", SUPPORT, _cancel, _ENDS_UNPAID),
        )
    ]  # fmt: skip
    return [*found, *taken, ConsoleAct("pause", FINANCE, _pausing(settings), fields, needed=["reason"], says=SAYS)]


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the forms that an operator may send about one subscription."""

    asking: Asking
    row: Row
    one: Standing

    def form(self, name: str, scope: str, title: str, button: str, explains: str, **more: Any) -> list[Section]:
        if not self.asking.may(scope):
            return []
        action, fields = f"{PATH}/{self.row['id']}/{name}", (*more.pop("fields", ()), REASON)
        return [Form(action, button, fields, title=f"{title}…", explains=explains, is_folded=True, **more)]

    def day(self, at: int) -> str:
        return day(self.asking, at)

    def money(self, amount: int, currency: str) -> str:
        return money(self.asking, amount, currency)


def simple_forms(asking: Asking, settings: Settings, row: Row, one: Standing) -> list[Section]:
    """Return the forms of what can be done now, the mildest first, each with what it does in words."""
    make = _Maker(asking, row, one)
    return [
        *_keeping(make),
        *_charging(make, settings),
        *_resuming(make),
        *_dropping(make),
        *_pausing_form(make, settings),
        *_ending(make),
    ]


def _keeping(make: _Maker) -> list[Section]:
    row = make.row
    if not row["ends_with_period"]:
        return []
    words = f"It renews on {make.day(gifted_until(row))} as before. Nothing is charged now."
    return make.form("keep", SUPPORT, "Take back that it ends", "Let it go on", words)


def _charging(make: _Maker, settings: Settings) -> list[Section]:
    row, one = make.row, make.one
    if not is_chargeable(row, one.invoice):
        return []
    due = make.money(one.due, one.invoice["currency"])
    is_last = row["failures"] > len(settings.dunning.retries) - 1
    ends = (
        " It is the last one: a decline ends the membership." if is_last and settings.dunning.cancels_exhausted else ""
    )
    words = f"{due} is charged at once. A decline counts as one of the attempts.{ends}"
    return make.form("charge", FINANCE, "Try the payment now", f"Charge {due}", words)


def _resuming(make: _Maker) -> list[Section]:
    row, one = make.row, make.one
    if row["billing_state"] == PAUSED:
        due = make.money(one.due, one.ahead["currency"])
        words = f"Its next period is charged at once: {due}, before tax." if one.due else "Nothing is charged for it."
        return make.form("resume", FINANCE, "Let it go on", "Resume it", words)
    if one.pause is not None and one.pause["state"] == SCHEDULED and not row["ends_with_period"]:
        words = f"It renews on {make.day(row['period_end'])} instead of being paused. Nothing is charged now."
        return make.form("resume", FINANCE, "Take back that it pauses", "Don't pause it", words)
    return []


def _dropping(make: _Maker) -> list[Section]:
    change = make.one.change
    if change is None:
        return []
    how = "Its payment is stopped." if change["state"] == OPEN else "Nothing was charged for it."
    words = f"It stays as it is and does not change to {offer_title(make.asking, change['sku'])}. {how}"
    return make.form("drop-change", FINANCE, "Drop the change", "Drop it", words)


def _pausing_form(make: _Maker, settings: Settings) -> list[Section]:
    row = make.row
    if row["billing_state"] in (PAUSED, "incomplete") or row["ends_with_period"]:
        return []
    has_period = row["billing_state"] in (ACTIVE, TRIALING)
    until = make.day(row["period_end"])
    choices = [("period_end", f"With its period, on {until}"), ("now", "Now")] if has_period else [("now", "Now")]
    fields = (
        Field("when", "When", "select", choices=choices),
        Field("until", "Goes on by itself on", hint="A day as 2027-01-31. Empty: when somebody resumes it.",
              is_required=False),
    )  # fmt: skip
    words = "Access stops and nothing is charged until it goes on. Now, the rest of what is paid becomes credit."
    return make.form("pause", FINANCE, "Pause it", "Pause it", words, fields=fields)


def _ending(make: _Maker) -> list[Section]:
    row, one = make.row, make.one
    asks = " What was used is asked a last time." if one.asks_at_end else ""
    found: list[Section] = []
    if row["billing_state"] in (ACTIVE, TRIALING):
        if not row["ends_with_period"]:
            until = make.day(gifted_until(row))
            words = f"They keep it until {until}, and nothing more is charged. It can be taken back until then.{asks}"
            found += make.form("cancel", SUPPORT, "End it with its period", f"End it on {until}", words)
    else:
        words = f"No period of it is paid, so it ends at once, and nothing more is charged.{asks}"
        found += make.form("end-unpaid", SUPPORT, "End it", "End it now", words, tone=Tone.BAD)
        return found
    given = f" Given periods that are still to come ({row['gifted']}) are given up." if row["gifted"] else ""
    words = f"Access ends at once. No money goes back by this: refund the purchase for that.{asks}{given}"
    return found + make.form("end", FINANCE, "End it at once", "End it now", words, tone=Tone.BAD)
