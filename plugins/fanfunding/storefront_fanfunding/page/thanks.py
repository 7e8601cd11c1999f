"""What became of a tip, for whoever gave it: its ticket, or why there is none."""

from dataclasses import dataclass, replace

from yarl import URL

from storefront.core.purchasing import PAYER_IS_DONE, Status, read_payment, read_purchase
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.pages import PageFrame, amount_words
from storefront_fanfunding.creators import Creator
from storefront_fanfunding.rows import AHEAD, ALERT_OF_TIP, PAID, PENDING, REFUNDED
from storefront_fanfunding.shapes import show_tip

WAITING = "Waiting for your bank. Keep this page open."
UNKNOWN = "We don't know yet if this went through. You will not be charged twice."
PROCESSING = "Your payment is on its way. Banks can take some days for it. Your tip follows by itself."
NOT_PAID = "The payment was not made. Nothing was charged. Try again if you like."
_COUNTED = ("Nobody is", "One is", "Two are", "Three are", "Four are", "Five are")


@dataclass(frozen=True, slots=True)
class ThanksView:
    """The page of one tip. ``ask_again`` is where the page asks for the state, while that is not final."""

    page: PageFrame
    creator: str
    path: str
    title: str
    says: str
    amount: str
    ticket: bool = False
    name: str | None = None
    message: str | None = None
    steps: tuple[str, ...] = ()
    ask_again: str | None = None
    pay_url: str | None = None


async def thanks_view(
    services: Services, creator: Creator, page: PageFrame, tip: Row, *, is_givers: bool
) -> ThanksView:
    """Return a tip's page: to its giver with their own words, to everybody else with what is public."""
    amount = amount_words(services, page.locale, tip["amount"], tip["currency"])
    path, name = f"/tip/{creator.name}", creator.shown_name
    if tip["state"] == PENDING:
        return await _pending(services, ThanksView(page, name, path, f"Your tip of {amount}", WAITING, amount), tip)
    if tip["state"] == REFUNDED:
        return ThanksView(page, name, path, f"Your tip of {amount}", "This tip was given back.", amount)
    if tip["state"] != PAID:
        return ThanksView(page, name, path, "Not paid", NOT_PAID, amount)
    shown = show_tip(tip, creator.name)
    fan = tip["name"] if is_givers else shown["name"]
    return ThanksView(
        page=page,
        creator=name,
        path=path,
        title=f"Thank you, {fan}" if fan else "Thank you",
        says=f"Your tip to {name} is paid.",
        amount=amount,
        ticket=True,
        name=None if tip["is_anonymous"] else fan,
        message=tip["message"] if is_givers else shown["message"],
        steps=("Paid", *await _on_stream(services, tip)),
    )


async def _pending(services: Services, view: ThanksView, tip: Row) -> ThanksView:
    purchase = await read_purchase(services, tip["purchase_id"])
    if purchase["payment_state"] in PAYER_IS_DONE:
        return replace(view, says=PROCESSING)
    if purchase["status"] not in (Status.PENDING, Status.IN_REVIEW, Status.PAID):
        return replace(view, title="Not paid", says=NOT_PAID)
    payment = await read_payment(services, purchase["id"])
    url = payment["redirect_url"] if payment is not None and purchase["status"] == Status.PENDING else None
    is_unknown = purchase["status"] == Status.PENDING and url is None
    again = str(URL(f"{view.path}/return").with_query(purchase=purchase["id"]))
    return replace(view, says=UNKNOWN if is_unknown else WAITING, ask_again=again, pay_url=url)


async def _on_stream(services: Services, tip: Row) -> tuple[str, ...]:
    alert = await services.reader.first(ALERT_OF_TIP, tip_id=tip["id"])
    if alert is None:
        return ()
    if alert["state"] == "queued":
        asked = {"creator_id": alert["creator_id"], "sequence": alert["sequence"]}
        row = await services.reader.first(AHEAD, **asked)
        ahead = 0 if row is None else int(row["ahead"])
        counted = _COUNTED[ahead] if ahead < len(_COUNTED) else f"{ahead} are"
        return (f"On screen soon. {counted} ahead of you.",)
    words = {
        "unsettled": "On screen once the bank has settled it.",
        "held": "Somebody reads it before it is shown.",
        "shown": "On screen now.",
        "done": "It was on screen.",
    }
    return (words[alert["state"]],) if alert["state"] in words else ()
