"""What operators do on a creator's page: a payout begins, messages are let through or not, the creator is let in."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec

from storefront.core.errors import FieldError, Invalid
from storefront.core.idempotency import idempotency_key
from storefront.pages.lists import at, money
from storefront.panels import Asking, ConsoleAct, Done, Line, Lines, Link, Note, PageView, Sure, Tone
from storefront_fanfunding.config import Settings
from storefront_fanfunding.console.words import INVITE, PATH, PAYOUT, STEER
from storefront_fanfunding.control.inviting import invite_to_page, sign_out_everywhere
from storefront_fanfunding.creators import find_creator_id
from storefront_fanfunding.moderating import Verdict, judge
from storefront_fanfunding.payout_desk import typed_amount
from storefront_fanfunding.payout_routes import CREATE_OPERATION
from storefront_fanfunding.payout_rows import PayoutNotPossible
from storefront_fanfunding.payouts import PayoutRequest, create_payout

_TEXT = {"type": "string", "maxLength": 80}
_VERDICTS = {
    "approve": (Verdict.APPROVE, "It comes on screen in its turn."),
    "name-only": (Verdict.NAME_ONLY, "It comes on screen without its message."),
    "reject": (Verdict.REJECT, "It is not shown. The creator keeps the money."),
}
_NOT_SHOWN = Sure("It never comes on screen. The creator keeps the money.")
_SIGNED_OUT = Sure("They are signed out on every device, and links that nobody used are no longer good.")
Do = Callable[[Asking], Awaitable[Done | PageView]]


def acts(settings: Settings) -> Sequence[ConsoleAct]:
    """Return the acts of a creator's page."""
    fields = {"currency": _TEXT, "amount": _TEXT}
    return [
        ConsoleAct("payout", PAYOUT, partial(send_payout, settings), fields, needed=["currency"], asks_proof=True),
        *(
            ConsoleAct(name, STEER, _judging(verdict, name), {"sequence": _TEXT}, needed=["sequence"],
                       says={name: words}, sure=_NOT_SHOWN if verdict is Verdict.REJECT else None,
                       words=_reject_words if verdict is Verdict.REJECT else None)
            for name, (verdict, words) in _VERDICTS.items()
        ),
        ConsoleAct("invite", INVITE, partial(send_invitation, settings), asks_proof=True),
        ConsoleAct("sign-out", INVITE, partial(send_sign_out, settings), sure=_SIGNED_OUT, words=_sign_out_words,
                   says={"out": "They are signed out everywhere, and links that nobody used are no longer good."}),
    ]  # fmt: skip


async def send_payout(settings: Settings, asking: Asking) -> Done:
    """Begin a payout, once per form."""
    services, form, name = asking.services, asking.form, asking.path["name"]
    asked = {"creator": name, "currency": form["currency"], "amount": form.get("amount")}
    amount = None if asked["amount"] is None else await typed_amount(services, asked)
    body = {"creator": name, "currency": form["currency"], **({} if amount is None else {"amount": amount})}
    key = idempotency_key(asking.actor, CREATE_OPERATION, asking.key, body)
    try:
        answer, _ = await create_payout(services, settings, PayoutRequest(key, name, form["currency"], amount))
    except PayoutNotPossible as refused:
        raise worded(asking, refused) from refused
    return Done(f"{PATH}/{name}/payouts/{msgspec.json.decode(answer.body)['id']}", "made")


def worded(asking: Asking, refused: PayoutNotPossible) -> Invalid:
    """Say why a payout cannot be, with amounts as people read them."""
    facts = refused.facts
    said = {name: money(asking, **facts[name]) for name in ("payable", "minimum") if name in facts}
    words = {
        "not_payable": f"{said.get('payable')} can be paid now.",
        "below_minimum": f"The least that is paid out is {said.get('minimum')}; {said.get('payable')} can be paid now.",
    }.get(str(facts.get("reason")))
    if words is None:
        return Invalid(refused.detail)
    return Invalid(words, errors=[FieldError("/amount", "is not possible")])


async def _reject_words(asking: Asking) -> str:
    return f"Do not show this message to {asking.path['name']}"


async def _sign_out_words(asking: Asking) -> str:
    return f"Sign {asking.path['name']} out everywhere"


def _judging(verdict: Verdict, says: str) -> Do:
    async def do(asking: Asking) -> Done:
        name, typed = asking.path["name"], asking.form["sequence"]
        if not (typed.isascii() and typed.isdigit() and len(typed) < 16):
            raise Invalid("Load this page again: its message is not told.")
        identity = await find_creator_id(asking.services, name)
        await judge(asking.services, identity or "", int(typed), verdict, operator=asking.actor)
        return Done(f"{PATH}/{name}", says)

    return do


async def send_invitation(settings: Settings, asking: Asking) -> PageView:
    """Make a link that signs the creator in, and show it this once."""
    name = asking.path["name"]
    made = await invite_to_page(asking.services, settings, name, actor=asking.actor)
    lines = [Line("Link", made["url"]), Line.when("Good once, until", at(made["expires_at"]))]
    hint = "Whoever opens it is that creator: send it on a private way. It is not shown again, and one of before stops."
    told = Lines(f"Signs in {name}", lines, hint=hint)
    return PageView("Sign-in link", [told, Note(Tone.INFO, "", "", Link("Back to the creator", f"{PATH}/{name}"))])


async def send_sign_out(settings: Settings, asking: Asking) -> Done:
    name = asking.path["name"]
    await sign_out_everywhere(asking.services, settings, name, actor=asking.actor)
    return Done(f"{PATH}/{name}", "out")
