"""Currency out of an opened container, when the money that bought the container is disputed."""

import sqlite3
from contextlib import closing

import pytest

from storefront.core.commit.freezes import demand_of
from storefront.core.commit.plan import Plan, Unfreeze
from storefront.core.operating.disputes import show_dispute_in_full
from storefront.testing import OPERATOR_KEY, running_shop
from tests.shop.test_freed_goods import let_it_fail, refund_that_waits
from tests.shop.test_holds import act, hold

from .conftest import ECONOMY, items_of, open_one, refund
from .test_opened_reversals import disputed


async def gems(shop, customer="ada"):
    """A wallet: (balance, available, owed)."""
    wallets = (await shop.as_customer(customer).get("/v1/me")).json["wallets"]
    found = wallets.get("gems", {})
    return found.get("balance", 0), found.get("available", 0), found.get("owed", 0)


async def drink(shop, quantity, customer="ada"):
    path = "/v1/microtransactions/inventory/potion/consume"
    answer = await shop.as_customer(customer).post(path, {"quantity": quantity}, key=f"drink-{quantity}")
    assert answer.status == 200, answer


async def owes(shop, amount, customer="ada"):
    """Let a customer drink potions of 15 gems, for gems that their bank takes back."""
    pack, potions = await shop.bought("gems-500", customer=customer), amount // 15
    await shop.bought("potion", quantity=potions, customer=customer)
    await drink(shop, potions, customer)
    await disputed(shop, pack, "lost")
    assert await gems(shop, customer) == (0, 0, amount)


async def drawn(shop):
    """Buy a chest for money and open it: 40 gems, a pass and two lanterns."""
    chest = await shop.bought("sure-chest", currency="USD")
    opened = await open_one(shop, "sure-chest", key="o1")
    assert opened.status == 201, opened
    return chest


def told(taken_back):
    return [(one["demanded"], one["taken"], one["written_off"], one["owed"]) for one in taken_back["credits"]]


async def lounge(shop):
    return (await shop.as_customer().get("/v1/entitlements/lounge")).json["allowed"]


async def test_it_rests_while_the_dispute_is_open_and_is_free_again_when_it_is_won(shop):
    chest = await drawn(shop)
    await disputed(shop, chest, "needs_response")
    assert (await gems(shop), await lounge(shop)) == ((40, 0, 0), False)
    assert (await shop.buy("arrow")).json["code"] == "insufficient_funds"
    await disputed(shop, chest, "won")
    assert (await gems(shop), await lounge(shop)) == ((40, 40, 0), True)
    await shop.bought("arrow")
    await disputed(shop, chest, "lost")
    assert (await gems(shop), await lounge(shop)) == ((0, 0, 1), False)
    assert await items_of(shop) == {"arrow": 1}


async def test_an_operator_sees_what_rests_of_it_and_what_losing_would_take(shop):
    chest = await drawn(shop)
    await shop.bought("arrow", quantity=5)
    await disputed(shop, chest, "needs_response")
    operator = shop.bearing(OPERATOR_KEY)
    dispute = (await operator.get("/v1/disputes")).json["data"][0]["id"]
    shown = await show_dispute_in_full(shop.parts.services, dispute)
    assert (shown["frozen"]["wallets"], shown["frozen"]["entitlements"]) == ({"gems": 35}, ["lounge"])
    loss = (await operator.get(f"/v1/disputes/{dispute}/loss")).json
    assert [(lot["source"], lot["amount"]) for lot in loss["lots"]] == [("reward", 35)]
    assert told(loss["taken_back"]) == [(40, 35, 0, 5)]
    assert [(one["customer"]["id"], one["amount"]) for one in loss["owed"]] == [("ada", 5)]


async def test_what_of_it_paid_a_debt_is_owed_again_and_comes_back_when_the_dispute_is_won_on_appeal(shop):
    await owes(shop, 30)
    chest = await drawn(shop)
    assert await gems(shop) == (10, 10, 0)
    await disputed(shop, chest, "needs_response")
    assert await gems(shop) == (10, 0, 0)
    for _ in range(2):
        await disputed(shop, chest, "lost")
        assert await gems(shop) == (0, 0, 30)
        await disputed(shop, chest, "won")
        assert await gems(shop) == (10, 10, 0)


async def test_all_of_it_paid_a_debt_and_what_was_repaid_since_is_given_again(shop):
    chest = await shop.bought("sure-chest", currency="USD")
    await owes(shop, 75)
    assert (await open_one(shop, "sure-chest", key="o1")).status == 201
    assert await gems(shop) == (0, 0, 35)
    await disputed(shop, chest, "lost")
    assert await gems(shop) == (0, 0, 75)
    gift = {"customer": "ada", "asset": "gems", "amount": 100, "reason": "a prize"}
    assert (await shop.as_server().post("/v1/grants", gift, key="g1")).status == 201
    assert await gems(shop) == (25, 25, 0)
    await disputed(shop, chest, "won")
    assert await gems(shop) == (65, 65, 0)
    await disputed(shop, chest, "lost")
    assert await gems(shop) == (25, 25, 0)


@pytest.mark.parametrize("ends", ["lost", "lost, won, lost"])
async def test_it_is_taken_however_often_the_dispute_is_lost(shop, ends):
    chest = await drawn(shop)
    for status in ends.split(", "):
        await disputed(shop, chest, status)
        assert await gems(shop) == ((40, 40, 0) if status == "won" else (0, 0, 0))


async def test_what_a_hold_pins_of_it_rests_or_pays_as_soon_as_it_comes_back(shop):
    chest = await drawn(shop)
    held = await hold(shop, 25)
    assert held.status == 201, held
    await disputed(shop, chest, "needs_response")
    assert await gems(shop) == (40, 0, 0)
    await disputed(shop, chest, "lost")
    assert await gems(shop) == (25, 0, 25)
    assert (await act(shop, held, "release")).status == 200
    assert await gems(shop) == (0, 0, 0)


async def test_a_container_whose_currency_paid_a_debt_is_not_undone_as_unused(shop):
    first = await shop.bought("gems-500")
    await shop.bought("potion", quantity=2)
    await drink(shop, 2)
    await disputed(shop, first, "needs_response")
    second = await shop.bought("gems-500")
    await shop.bought("sure-chest")
    await disputed(shop, first, "lost")
    assert await gems(shop) == (480, 480, 30)
    await open_one(shop, "sure-chest", key="o1")
    assert await gems(shop) == (490, 490, 0)
    await disputed(shop, second, "lost")
    assert (await gems(shop), await items_of(shop)) == ((10, 10, 20), {"lantern": [1, 2], "pass": 1})


async def test_a_recipients_debt_that_a_gift_paid_is_theirs_again_and_the_giver_owes_the_rest(shop):
    await owes(shop, 30, "ben")
    chest = await shop.bought("sure-chest", currency="USD", recipient="ben")
    assert (await open_one(shop, "sure-chest", key="o1", customer="ben")).status == 201
    await shop.bought("arrow", quantity=4, customer="ben")
    await disputed(shop, chest, "needs_response")
    assert await gems(shop, "ben") == (6, 0, 0)
    await disputed(shop, chest, "lost")
    assert (await gems(shop, "ben"), shop.balance("customer:ada:debt:gems")) == ((0, 0, 30), 4)
    await disputed(shop, chest, "won")
    assert (await gems(shop, "ben"), shop.balance("customer:ada:debt:gems")) == ((6, 6, 0), 0)


async def test_what_a_failed_refund_frees_of_it_is_claimed_by_the_dispute_that_stands(shop):
    chests = await shop.bought("sure-chest", currency="USD", quantity=2)
    for name in ("o1", "o2"):
        await open_one(shop, "sure-chest", key=name)
    await refund_that_waits(shop, chests, quantity=1)
    assert await gems(shop) == (80, 40, 0)
    await disputed(shop, chests, "needs_response")
    assert await gems(shop) == (80, 0, 0)
    await let_it_fail(shop)
    assert (await gems(shop), await lounge(shop)) == ((80, 0, 0), False)
    await disputed(shop, chests, "won")
    assert (await gems(shop), await lounge(shop)) == ((80, 80, 0), True)


async def test_a_dispute_that_is_lost_takes_what_a_refund_frees_later(shop):
    chests = await shop.bought("sure-chest", currency="USD", quantity=2)
    for name in ("o1", "o2"):
        await open_one(shop, "sure-chest", key=name)
    await refund_that_waits(shop, chests, quantity=1)
    await disputed(shop, chests, "lost")
    assert await gems(shop) == (40, 0, 0)
    await let_it_fail(shop)
    assert await gems(shop) == (0, 0, 0)
    await disputed(shop, chests, "won")
    assert await gems(shop) == (80, 80, 0)
    await disputed(shop, chests, "lost")
    assert await gems(shop) == (0, 0, 0)


async def test_a_refund_tells_what_of_it_is_spent(shop):
    chest = await drawn(shop)
    await shop.bought("arrow", quantity=3)
    refused = await refund(shop, chest)
    assert (refused.status, refused.json["code"]) == (409, "goods_used")
    made = await refund(shop, chest, key="r2", strategy="floor")
    assert made.status in (201, 202), made
    assert told(made.json["taken_back"]) == [(40, 37, 3, 0)]
    assert await gems(shop) == (0, 0, 0)


@pytest.fixture
async def shop_in_a_file(data_folder):
    """The shop in a file, whatever database others are tried on: its rows can be taken away."""
    async with running_shop(data_folder, ECONOMY) as running:
        yield running


async def test_a_dispute_that_began_before_such_currency_rested_takes_it_all_the_same(shop_in_a_file):
    shop = shop_in_a_file
    chest = await drawn(shop)
    await disputed(shop, chest, "needs_response")
    [freeze] = shop.query("SELECT * FROM freezes WHERE id LIKE '%.opened0'")
    owner, plan = freeze["customer_id"], Plan(actor="test", anchors={freeze["customer_id"]})
    plan.add(Unfreeze(freeze["id"], owner, demand_of(freeze)))
    await shop.parts.services.engine.commit(plan)
    await shop.stop()
    with closing(sqlite3.connect(shop.database.path)) as connection, connection:
        connection.execute("DELETE FROM freezes WHERE id = ?", (freeze["id"],))
    await shop.start()
    assert await gems(shop) == (40, 40, 0)
    await shop.bought("arrow")
    await disputed(shop, chest, "lost")
    assert await gems(shop) == (0, 0, 1)
    await disputed(shop, chest, "won")
    assert (await gems(shop), await lounge(shop)) == ((39, 39, 0), True)
