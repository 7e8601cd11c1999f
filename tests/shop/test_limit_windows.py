"""Calendar windows of limits, in UTC: around midnight, month ends, leap days and Mondays; and what is shown as left."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storefront.core.clock import parse_iso
from storefront.testing import TINY_SHOP, Shop, running_shop
from storefront.testing.calling import Wall

MORE = (
    "".join(
        f"""
  {window}ly: {{kind: item, type: consumable, title: Two, prices: {{gems: 1}},
    limits: [{{per: customer, count: 2, window: {window}}}]}}
"""
        for window in ("hour", "day", "week", "month")
    )
    + """
  edition:
    {kind: item, type: consumable, title: Three a month, prices: {USD: 500},
     limits: [{per: global, count: 3, window: month}]}
"""
)
CLOSES = "2028-03-01T00:00:00Z"


class StoppedClock(Wall):
    """A clock that stands where a test puts it."""

    def __init__(self) -> None:
        super().__init__()
        self.at("2027-01-01T00:00:00Z")

    def __call__(self) -> int:
        return self._now

    def at(self, moment: str) -> None:
        self._now = parse_iso(moment)


@pytest.fixture
def wall() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
async def shop(data_folder: Path, database_url: str | None, wall: StoppedClock) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, TINY_SHOP + MORE, database=database_url, wall=wall) as running:
        yield running


# The last instant of a window and the first of the next.
@pytest.mark.parametrize(
    ("sku", "last", "first"),
    [
        ("hourly", "2027-06-30T13:59:59.999Z", "2027-06-30T14:00:00Z"),
        ("dayly", "2027-06-30T23:59:59.999Z", "2027-07-01T00:00:00Z"),
        ("dayly", "2028-02-28T23:59:59.999Z", "2028-02-29T00:00:00Z"),
        ("dayly", "2028-02-29T23:59:59.999Z", "2028-03-01T00:00:00Z"),
        ("weekly", "2027-01-03T23:59:59.999Z", "2027-01-04T00:00:00Z"),
        ("weekly", "2028-01-02T23:59:59.999Z", "2028-01-03T00:00:00Z"),
        ("monthly", "2027-02-28T23:59:59.999Z", "2027-03-01T00:00:00Z"),
        ("monthly", "2028-02-29T23:59:59.999Z", "2028-03-01T00:00:00Z"),
        ("monthly", "2027-12-31T23:59:59.999Z", "2028-01-01T00:00:00Z"),
        ("monthly", "2027-04-30T23:59:59.999Z", "2027-05-01T00:00:00Z"),
    ],
)
async def test_a_window_ends_where_the_next_begins_and_not_a_millisecond_earlier(shop, wall, sku, last, first):
    wall.at(last)
    await shop.bought("gems-500")
    await shop.bought(sku, quantity=2)
    refused = await shop.buy(sku)
    assert (refused.status, refused.json["code"]) == (409, "limit_reached")

    wall.at(first)
    assert (await shop.buy(sku)).status == 201
    assert (await shop.buy(sku, quantity=2)).json["code"] == "limit_reached"


@pytest.mark.parametrize(
    ("sku", "one", "other"),
    [
        ("dayly", "2028-02-29T00:00:00Z", "2028-02-29T23:59:59.999Z"),
        ("weekly", "2027-12-27T00:00:00Z", "2028-01-02T23:59:59.999Z"),  # a week over the turn of the year
        ("monthly", "2028-02-01T00:00:00Z", "2028-02-29T23:59:59.999Z"),
    ],
)
async def test_the_first_and_the_last_instant_of_a_window_are_one_window(shop, wall, sku, one, other):
    wall.at(one)
    await shop.bought("gems-500")
    await shop.bought(sku, quantity=2)
    wall.at(other)
    assert (await shop.buy(sku)).json["code"] == "limit_reached"


async def left(shop):
    offers = (await shop.as_nobody().get("/v1/catalog")).json["offers"]
    return next(offer["limits"][0]["left"] for offer in offers if offer["sku"] == "edition")


async def test_what_is_left_counts_reservations_and_begins_anew_with_the_window(shop, wall):
    wall.at("2028-02-29T23:00:00Z")
    before = await shop.as_nobody().get("/v1/catalog")
    assert await left(shop) == 3
    await shop.bought("edition", quantity=2)
    assert await left(shop) == 1
    opened = await shop.buy("edition", customer="bob")
    assert await left(shop) == 0
    again = await shop.as_nobody().get("/v1/catalog", **{"If-None-Match": before.headers["ETag"]})
    assert again.status == 200

    await shop.as_customer("bob").post(f"/v1/purchases/{opened.json['id']}/cancel")
    assert await left(shop) == 1
    wall.at(CLOSES)
    assert await left(shop) == 3


async def test_an_expired_reservation_is_free_again(shop, wall):
    wall.at("2028-02-10T12:00:00Z")
    await shop.bought("edition", quantity=2)
    opened = await shop.buy("edition", customer="bob")
    assert (await shop.buy("edition")).json["code"] == "sold_out"

    await shop.advance("36m")
    assert (await shop.seen(opened))["status"] == "expired"
    assert await left(shop) == 1
    await shop.bought("edition", customer="cleo")
    assert await left(shop) == 0


async def test_a_limit_counts_in_the_window_in_which_the_checkout_was_opened(shop, wall):
    wall.at("2028-02-29T23:59:00Z")
    opened = await shop.buy("edition", quantity=3)

    wall.at(CLOSES)
    assert await shop.pay(opened) == 303
    assert (await shop.settled(opened))["status"] == "completed"
    assert await left(shop) == 3
