"""What other pages of the console say of tips: a purchase's tip or pledge, and a customer's tips and badges."""

from collections.abc import Sequence

from sqlalchemy import or_, select

from storefront.core.kinds import BackStage
from storefront.core.reading import Row as Tip
from storefront.core.services import Services
from storefront.core.tables import accounts
from storefront.pages.lists import money, spoken
from storefront.panels import Asking, Cell, Column, Letters, Line, Lines, Row, Section, Table, Written
from storefront_fanfunding.accounts import debt, payable
from storefront_fanfunding.badges import badges_in_state
from storefront_fanfunding.console.reading import tips_of_fan
from storefront_fanfunding.console.words import HELD_FOR, PATH, alert_badge, fan, tip_badge
from storefront_fanfunding.creators import creator_name
from storefront_fanfunding.money_back import Asked, Move, Stand
from storefront_fanfunding.pledge_tables import pledges
from storefront_fanfunding.rows import ALERT_OF_TIP, OF_PURCHASE, PAID
from storefront_fanfunding.tables import reversals

MOST_TIPS = 10
_STAGES = {"held": "Set aside", "taken": "Taken for good", "none": "Given back"}


async def of_purchase(asking: Asking, purchase_id: str) -> Sequence[Section]:
    """Return the tip that a purchase is, what became of it and what a refund takes; or the pledge that it collects."""
    services = asking.services
    tip = await services.reader.first(OF_PURCHASE, purchase_id=purchase_id)
    sections: list[Section] = []
    if tip is not None:
        name = await creator_name(services, tip["creator_id"])
        sections += [await _tip(asking, tip, name), *_message(tip), *await _gone_back(asking, tip)]
    sections += await _pledges(asking, purchase_id)
    return sections


async def _tip(asking: Asking, tip: Tip, name: str) -> Lines:
    services, code = asking.services, tip["currency"]
    alert = await services.reader.first(ALERT_OF_TIP, tip_id=tip["id"])
    lines = [
        Line("To", name, url=f"{PATH}/{name}", is_name=True),
        Line("From", fan(tip), is_name=True),
        Line("Tier", tip["tier"] or "none"),
        Line("On stream", alert_badge(None if alert is None else alert["state"]).text),
        Line("Creator's share", money(asking, tip["earned"], code)),
        Line("Of that waits", money(asking, tip["reserved"], code)),
        *([Line.when("Until", tip["release_at"])] if tip["reserved"] and tip["release_at"] else []),
        *([Line("Of that gone back", money(asking, tip["back_earned"], code))] if tip["back_earned"] else []),
    ]
    if tip["state"] == PAID and tip["earned"] > tip["back_earned"]:
        lines.append(Line("A full refund takes", await _refund_words(asking, tip)))
    return Lines("Tip", lines, badge=tip_badge(tip["state"]))


async def _refund_words(asking: Asking, tip: Tip) -> str:
    """Word where the creator's part comes from if all that is left of a tip is refunded now."""
    services, code = asking.services, tip["currency"]
    asked = Asked(
        tip["id"], tip["creator_id"], tip["customer_id"], "", code, tip["total"] - tip["back_amount"],
        BackStage.TAKEN, is_again=False,
    )  # fmt: skip
    stand = Stand(
        **{name: tip[name] for name in ("reserved", "back_amount", "returned", "back_earned")},
        payable=await _balance(services, payable(tip["creator_id"], code).id),
        debt=await _balance(services, debt(tip["creator_id"], code).id),
    )
    move = Move(asked, tip, stand)
    move.go(BackStage.TAKEN)
    parts = (
        (move.stand.from_reserve, "of what waits"),
        (move.stand.from_payable, "of what can be paid"),
        (move.stand.owed, "that they will owe"),
    )
    return ", ".join(f"{money(asking, amount, code)} {words}" for amount, words in parts if amount) or "nothing of it"


async def _balance(services: Services, account: str) -> int:
    rows = await services.reader.scan(select(accounts.c.balance).where(accounts.c.id == account))
    return int(rows[0]["balance"] or 0) if rows else 0


def _message(tip: Tip) -> list[Section]:
    if not tip["message"]:
        return []
    is_held = tip["is_held"] and tip["held_for"]
    about = f"Waits to be read: {HELD_FOR.get(tip['held_for'], 'held').lower()}" if is_held else ""
    if tip["is_name_only"]:
        about = "Not shown: only the name is"
    return [Letters("Message", [Written(fan(tip), tip["message"], about=about)])]


async def _gone_back(asking: Asking, tip: Tip) -> list[Section]:
    found = select(reversals).where(reversals.c.tip_id == tip["id"]).order_by(reversals.c.created_at)
    code, rows = tip["currency"], []
    for one in await asking.services.reader.scan(found):
        cells = (
            Cell.when(one["created_at"]),
            Cell(_STAGES[one["stage"]]),
            *(Cell(money(asking, one[name], code)) for name in ("wanted", "from_reserve", "from_payable", "owed")),
        )
        rows.append(Row(cells))
    columns = (
        Column("When"),
        Column("Stage"),
        Column("Creator's part", is_number=True),
        Column("Of what waited", is_number=True),
        Column("Of what could be paid", is_number=True),
        Column("Owed", is_number=True),
    )
    return [Table("What refunds and disputes took of the creator", columns, rows)] if rows else []


async def _pledges(asking: Asking, purchase_id: str) -> list[Section]:
    is_its = or_(pledges.c.purchase_id == purchase_id, pledges.c.failed_purchase_id == purchase_id)
    found: list[Section] = []
    for one in await asking.services.reader.scan(select(pledges).where(is_its)):
        name = await creator_name(asking.services, one["creator_id"])
        lines = [
            Line("To", name, url=f"{PATH}/{name}", is_name=True),
            Line("Goal", one["goal"], is_name=True),
            Line("Pledged", money(asking, one["amount"], one["currency"])),
            Line.when("On", one["created_at"]),
            Line("Attempts", str(one["attempts"])),
        ]
        found.append(Lines("Pledge", lines, badge=Cell(spoken(one["state"])), hint=one["reason"] or ""))
    return found


async def of_customer(asking: Asking, customer_id: str) -> Sequence[Section]:
    """Return a customer's last tips, and their badges."""
    services, sections = asking.services, list[Section]()
    rows = []
    for tip in await tips_of_fan(services, customer_id, most=MOST_TIPS):
        is_ours = tip["purchase_id"].startswith("pur_")
        cells = (
            Cell.when(tip["paid_at"] or tip["created_at"]),
            Cell(tip["creator"], is_name=True, url=f"{PATH}/{tip['creator']}"),
            Cell(tip["message"] or "–", is_name=True),
            Cell(money(asking, tip["amount"], tip["currency"]), is_strong=True, hint=tip["tier"] or "",
                 url=f"/console/purchases/{tip['purchase_id']}" if is_ours else None),
            tip_badge(tip["state"]),
        )  # fmt: skip
        rows.append(Row(cells))
    if rows:
        columns = (
            Column("When"),
            Column("Creator"),
            Column("Message"),
            Column("Amount", is_number=True),
            Column("State"),
        )
        sections.append(Table("Tips", columns, rows))
    held = await badges_in_state(services.reader, customer_id)
    if held:
        lines = [Line(creator, badge, url=f"{PATH}/{creator}", is_name=True)
                 for creator, _, badge in (one.partition("/") for one in held)]  # fmt: skip
        sections.append(Lines("Badges", lines))
    return sections
