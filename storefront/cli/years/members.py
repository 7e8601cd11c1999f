"""The people of the story: what one may do, how likely that is, and how it is done, over HTTP.

A member draws from ``ACTIONS`` every fortnight or so. A new way to act is one more line of that table.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from storefront.cli.story import Answer, NotAsTold
from storefront.cli.years.catalog import ORDER
from storefront.cli.years.stage import Stage

GOOD, SHORT_OF_FUNDS, STOLEN = "4242 4242 4242 4242", "4000000000009995", "4000000000009979"
BEGINNINGS = {"member": 50, "patron": 15, "member, a year": 8, "visitor": 17, "guild": 10}
"""What somebody begins with, and how likely."""
GEMS_A_MONTH = 300
REFUSED_OR_AWAY = frozenset({402, 409, 502, 503, 504})
"""What may come of wishing: refused with a reason, or a gateway that is away."""


@dataclass(slots=True)
class Member:
    """Somebody with a will of their own: ``random`` is theirs alone, so that what others do changes nothing."""

    name: str
    random: Random
    subscription: str = ""
    tier: str = ""
    wishes: int = 0

    def chance(self, percent: int) -> bool:
        return self.random.random() * 100 < percent

    def key(self) -> str:
        self.wishes += 1
        return f"{self.name}-{self.wishes}"


@dataclass(slots=True)
class Club:
    """What actions need: the stage, the agenda, and counts of what was done; figures are none of these."""

    stage: Stage
    plan: Callable[[Member, int, str], None]
    done: Counter[str] = field(default_factory=Counter)

    async def wish(self, member: Member, method: str, path: str, body: Mapping[str, Any]) -> Answer:
        """Ask for something that may be refused; anything but a refusal with a reason is not as told."""
        answer = await self.stage.call(method, path, body, key=member.key())
        if answer.status >= 300:
            if answer.status not in REFUSED_OR_AWAY:
                raise NotAsTold(f"Not as told: {method} {path} answered {answer.status}: {answer.json}")
            self.done[f"refused: {answer.json['code']}"] += 1
        return answer

    async def see(self, member: Member) -> Mapping[str, Any]:
        answer = await self.stage.call("GET", f"/v1/subscriptions/{member.subscription}")
        if answer.status != 200:
            raise NotAsTold(f"Not as told: the subscription of {member.name} answered {answer.status}")
        found: Mapping[str, Any] = answer.json
        return found


Does = Callable[[Club, Member, Mapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a member may do: how likely, beside others; whether it fits their subscription; and how."""

    name: str
    weight: int
    fits: Callable[[Mapping[str, Any]], bool]
    do: Does


async def visit(club: Club, member: Member) -> None:
    """Look around: the game's server signs them in."""
    answer = await club.stage.call("POST", "/v1/sessions", {"customer": member.name})
    if answer.status != 201:
        raise NotAsTold(f"Not as told: the session of {member.name} answered {answer.status}: {answer.json}")


async def begin(club: Club, member: Member) -> None:
    """Subscribe to something: with a card, from the wallet, for nothing; one in twelve leaves before paying."""
    chosen = member.random.choices(list(BEGINNINGS), list(BEGINNINGS.values()))[0]
    sku, _, interval = chosen.partition(", a ")
    body = {"customer": member.name, "sku": sku} | ({"interval": interval} if interval else {})
    if sku == "guild":
        await earn(club, member, member.random.randint(1, 9))
    answer = await club.wish(member, "POST", "/v1/subscriptions", body)
    if answer.status >= 300:
        return
    member.subscription, member.tier = answer.json["details"]["subscription"], sku
    club.done["begun"] += 1
    if answer.status == 202 and member.chance(92):
        await club.stage.pay(answer.json["payment"]["redirect_url"], GOOD)
    elif sku == "member" and answer.status == 201 and member.chance(80):
        club.plan(member, member.random.randint(0, 12), "save a card")
    club.plan(member, member.random.randint(5, 25), "decide")


async def decide(club: Club, member: Member) -> None:
    """Draw what to do next; one whose subscription is over comes back or does not."""
    found = await club.see(member)
    member.tier = found["sku"]
    if found["billing_state"] in ("canceled", "incomplete_expired"):
        if member.chance(25):
            club.plan(member, member.random.randint(5, 90), "begin")
        return
    fitting = [one for one in ACTIONS if one.fits(found)]
    action = member.random.choices(fitting, [one.weight for one in fitting])[0]
    club.done[action.name] += 1
    await action.do(club, member, found)
    club.plan(member, member.random.randint(10, 20), "decide")


async def earn(club: Club, member: Member, months: int = 2) -> None:
    body = {"customer": member.name, "asset": "gems", "amount": GEMS_A_MONTH * months, "reason": "played"}
    await club.wish(member, "POST", "/v1/grants", body)


async def save_card(club: Club, member: Member) -> None:
    """Save a card on the gateway's page; what waits for one is charged at once."""
    opened = await club.wish(member, "POST", "/v1/payment-methods/setups", {"customer": member.name})
    if opened.status < 300 and await club.stage.pay(opened.json["redirect_url"], GOOD) == 303:
        club.done["card saved"] += 1


async def bank_relents(club: Club, member: Member) -> None:
    await _turn_cards(club, member, GOOD)


async def take_back(club: Club, member: Member) -> None:
    """Think better of ending with the period."""
    answer = await club.wish(member, "POST", f"/v1/subscriptions/{member.subscription}/resume", {})
    club.done["cancel taken back"] += answer.status == 200


async def _nothing(club: Club, member: Member, found: Mapping[str, Any]) -> None:
    pass


async def _earn(club: Club, member: Member, found: Mapping[str, Any]) -> None:
    await earn(club, member, member.random.randint(1, 4))


async def _cancel_at_end(club: Club, member: Member, found: Mapping[str, Any]) -> None:
    await club.wish(member, "POST", f"/v1/subscriptions/{member.subscription}/cancel", {"at": "period_end"})
    if member.chance(35):
        club.plan(member, member.random.randint(1, 8), "take back")


async def _cancel_now(club: Club, member: Member, found: Mapping[str, Any]) -> None:
    await club.wish(member, "POST", f"/v1/subscriptions/{member.subscription}/cancel", {"at": "now"})


async def _run_short(club: Club, member: Member, found: Mapping[str, Any]) -> None:
    await _turn_cards(club, member, SHORT_OF_FUNDS)
    if member.chance(75):
        club.plan(member, member.random.randint(10, 45), "bank relents")


async def _lose_card(club: Club, member: Member, found: Mapping[str, Any]) -> None:
    await _turn_cards(club, member, STOLEN)
    if member.chance(65):
        club.plan(member, member.random.randint(5, 45), "save a card")


async def _turn_cards(club: Club, member: Member, number: str) -> None:
    for card in await club.stage.cards_of(member.name):
        await club.stage.order("cards", {"payment_method": card, "card_number": number.replace(" ", "")})


async def _ask_for_refund(club: Club, member: Member, found: Mapping[str, Any]) -> None:
    purchase = await _last_paid(club, member)
    if purchase is not None:
        part = {} if member.chance(60) else {"amount": member.random.randint(1, 300)}
        await club.wish(member, "POST", f"/v1/purchases/{purchase}/refunds", {"reason": "asked", **part})


async def _dispute(club: Club, member: Member, found: Mapping[str, Any]) -> None:
    purchase = await _last_paid(club, member)
    payment = None if purchase is None else await club.stage.payment_of(purchase)
    if payment is not None:
        end = "lost" if member.chance(60) else "won"
        opened = await club.stage.order("disputes", {"payment_intent": payment, "status": "needs_response"})
        await club.stage.order("disputes", {"dispute": opened["id"], "status": end})


async def _last_paid(club: Club, member: Member) -> str | None:
    """Return the newest purchase that paid money for a period and of which nothing has gone back."""
    answer = await club.stage.call("GET", f"/v1/subscriptions/{member.subscription}/invoices")
    paid = [one["purchase"] for one in answer.json["data"] if one["state"] == "paid" and one["total"]["amount"] > 0]
    if not paid:
        return None
    purchase = (await club.stage.call("GET", f"/v1/purchases/{paid[0]}")).json
    is_whole = purchase["refunded"] == "none" and purchase["dispute"] == "none" and purchase["total"]["amount"] > 0
    return str(purchase["id"]) if is_whole else None


async def _change(club: Club, member: Member, tier: str, **more: Any) -> None:
    path = f"/v1/subscriptions/{member.subscription}/change"
    answer = await club.wish(member, "POST", path, {"tier": tier, **more})
    if answer.status == 202 and answer.json["payment"]["redirect_url"] and member.chance(90):
        await club.stage.pay(answer.json["payment"]["redirect_url"], GOOD)


async def _go_up(club: Club, member: Member, found: Mapping[str, Any]) -> None:
    await _change(club, member, ORDER[ORDER.index(found["sku"]) + 1])


async def _go_down(club: Club, member: Member, found: Mapping[str, Any]) -> None:
    await _change(club, member, ORDER[ORDER.index(found["sku"]) - 1], interval="month")


async def _go_to_years(club: Club, member: Member, found: Mapping[str, Any]) -> None:
    await _change(club, member, found["sku"], interval="year")


def _pays_by_card(found: Mapping[str, Any]) -> bool:
    return bool(found["sku"] in ORDER[1:] and found["billing_state"] != "incomplete")


def _is_tier(*tiers: str, states: Sequence[str] = ("active",)) -> Callable[[Mapping[str, Any]], bool]:
    return lambda found: found["sku"] in tiers and found["billing_state"] in states and found["will_renew"]


def _may_cancel(found: Mapping[str, Any]) -> bool:
    return bool(found["will_renew"] and found["billing_state"] != "incomplete")


ACTIONS: Sequence[Action] = (
    Action("goes on", 160, lambda found: True, _nothing),
    Action("cancels with the period", 5, _may_cancel, _cancel_at_end),
    Action("cancels now", 1, _may_cancel, _cancel_now),
    Action("runs short of funds", 6, _pays_by_card, _run_short),
    Action("loses the card", 3, _pays_by_card, _lose_card),
    Action("asks for money back", 1, _pays_by_card, _ask_for_refund),
    Action("disputes a charge", 1, _pays_by_card, _dispute),
    Action("earns gems", 30, lambda found: found["sku"] == "guild", _earn),
    Action("goes up a tier", 5, _is_tier(*ORDER[:-1], states=("active", "trialing")), _go_up),
    Action("goes down a tier", 3, _is_tier(*ORDER[1:]), _go_down),
    Action("changes to years", 1, _is_tier("member", "patron"), _go_to_years),
)
STEPS: Mapping[str, Callable[[Club, Member], Awaitable[None]]] = {
    "visit": visit,
    "begin": begin,
    "decide": decide,
    "save a card": save_card,
    "bank relents": bank_relents,
    "take back": take_back,
}
"""What may stand on the agenda."""
