"""Customers whom a server names for the first time: made with what is written about them, or not at all."""

import asyncio

import pytest

from storefront.testing import TINY_SHOP, running_shop

REFUSED = [
    ({"sku": "nothing"}, 422),
    ({"sku": "sword"}, 402),
    ({"sku": "sword", "expected_price": {"amount": 1, "currency": "gems"}}, 409),
    ({"sku": "gems-500", "currency": "USD", "promo_codes": ["NO-SUCH-CODE"]}, 409),
    ({"sku": "nothing", "recipient": "eve"}, 422),
    ({"sku": "gems-500", "currency": "USD", "recipient": "dan"}, 422),
]


@pytest.fixture
async def shop(data_folder, database_url):
    async with running_shop(data_folder, TINY_SHOP, database=database_url) as running:
        yield running


async def test_what_is_refused_makes_nobody(shop):
    await shop.session("ada")
    await shop.quiet()
    server, before = shop.as_server(), shop.rows()
    for number, (body, status) in enumerate(REFUSED):
        refused = await server.post("/v1/purchases", {"customer": "dan", **body}, key=f"r{number}")
        assert refused.status == status, refused
    given = {"customer": "dan", "sku": "nothing", "reason": "none"}
    assert (await server.post("/v1/grants", given, key="g1")).status == 422
    passed = {"from": "ada", "to": "dan", "asset": "gems", "amount": 1}
    assert (await server.post("/v1/transfers", passed, key="t1")).status in (402, 409)
    await shop.quiet()
    assert shop.rows() == before


async def test_who_buys_first_is_made_once_however_many_requests_name_them_at_once(shop):
    server = shop.as_server()
    gift = {"customer": "dan", "asset": "gems", "amount": 500, "reason": "welcome"}
    made = await asyncio.gather(
        *(server.post("/v1/grants", gift, key=f"g{number}") for number in range(4)),
        *(
            server.post(
                "/v1/purchases",
                {"customer": "dan", "sku": "gems-500", "currency": "USD", "recipient": f"eve-{number % 2}"},
                key=f"p{number}",
            )
            for number in range(4)
        ),
    )
    assert [answer.status for answer in made] == [201] * 4 + [202] * 4
    names = shop.query("SELECT external_id FROM customers ORDER BY external_id")
    assert [row["external_id"] for row in names] == ["dan", "eve-0", "eve-1"]
    assert {answer.json["customer"]["id"] for answer in made} == {"dan"}
    again = await server.post("/v1/grants", gift, key="g0")
    assert (again.status, again.json["id"]) == (201, made[0].json["id"])
    assert shop.balance("customer:dan:gems") == 2_000
    created = shop.query("SELECT count(*) AS n FROM events WHERE type = 'customer.created'")
    assert created == [{"n": 3}]
