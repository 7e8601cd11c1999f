"""Every gem can be traced: back to the payment it came from, forward to what it bought."""

from storefront.testing import OPERATOR_KEY

WALLET = "/v1/customers/ada/wallets/gems"


async def test_a_lot_names_what_paid_for_it_and_what_it_bought(shop):
    pack = await shop.bought("gems-500")
    sword = await shop.bought("sword")
    potions = await shop.bought("potion", quantity=2)
    server = shop.as_server()

    (lot,) = (await server.get(f"{WALLET}/lots")).json["data"]
    assert (lot["source"], lot["cost"]) == ("purchased", {"amount": 499, "currency": "USD"})
    assert (lot["amount"], lot["remaining"], lot["held"], lot["frozen"]) == (500, 350, 0, 0)
    assert lot["payment"] is not None
    assert lot["expires_at"] is None

    (credit,) = (await server.get(f"{WALLET}/lots/{lot['id']}")).json["credits"]
    assert (credit["kind"], credit["about"], credit["amount"]) == ("purchase.settled", pack["id"], 500)
    assert (credit["payment"], credit["cost"]) == (lot["payment"], lot["cost"])

    draws = (await server.get(f"{WALLET}/lots/{lot['id']}/draws")).json
    told = [(draw["kind"], draw["about"], draw["amount"]) for draw in draws["data"]]
    assert told == [("purchase.settled", potions["id"], 30), ("purchase.settled", sword["id"], 120)]
    assert draws["next"] is None


async def test_lots_draws_and_entries_come_in_pages(shop):
    await shop.bought("gems-500")
    await shop.bought("gems-1200")
    for _ in range(3):
        await shop.bought("potion")
    server = shop.as_server()

    first = (await server.get(f"{WALLET}/lots?limit=1")).json
    second = (await server.get(f"{WALLET}/lots?limit=1&after={first['next']}")).json
    assert [lot["amount"] for lot in (*first["data"], *second["data"])] == [1200, 500]
    assert second["next"] is None
    path = f"{WALLET}/lots/{second['data'][0]['id']}/draws"
    page = (await server.get(f"{path}?limit=2")).json
    rest = (await server.get(f"{path}?limit=2&after={page['next']}")).json
    assert [draw["amount"] for draw in (*page["data"], *rest["data"])] == [15, 15, 15]
    assert len({draw["entry"] for draw in (*page["data"], *rest["data"])}) == 3
    entries = (await server.get(f"{WALLET}/entries?limit=100")).json["data"]
    assert entries == (await shop.as_customer("ada").get("/v1/me/wallets/gems/entries?limit=100")).json["data"]
    assert [entry["amount"] for entry in entries] == [-15, -15, -15, 1200, 500]


async def test_a_used_up_lot_is_not_listed_and_can_be_asked_for(shop):
    await shop.bought("gems-500")
    server = shop.as_server()
    lot = (await server.get(f"{WALLET}/lots")).json["data"][0]
    for sku, quantity in (("sword", 1), ("lantern", 1), ("key", 1), ("potion", 22)):
        assert (await shop.buy(sku, quantity=quantity)).status == 201
    assert (await server.get(f"{WALLET}/lots")).json["data"] == []
    used_up = (await server.get(f"{WALLET}/lots/{lot['id']}")).json
    assert (used_up["remaining"], len(used_up["credits"])) == (0, 1)
    draws = (await server.get(f"{WALLET}/lots/{lot['id']}/draws")).json["data"]
    assert [draw["amount"] for draw in draws] == [330, 40, 10, 120]


async def test_servers_and_operators_look_and_nobody_else(shop):
    await shop.bought("gems-500")
    await shop.session("bob")
    lot = (await shop.bearing(OPERATOR_KEY).get(f"{WALLET}/lots")).json["data"][0]["id"]
    server, bobs = shop.as_server(), "/v1/customers/bob/wallets/gems"
    for path in ("entries", "lots", f"lots/{lot}", f"lots/{lot}/draws"):
        assert (await shop.as_customer("ada").get(f"{WALLET}/{path}")).status == 403
        assert (await shop.as_nobody().get(f"{WALLET}/{path}")).status == 401
        assert (await server.get(f"/v1/customers/nobody/wallets/gems/{path}")).status == 404
    assert (await server.get(f"{bobs}/lots")).json["data"] == []
    assert (await server.get(f"{bobs}/lots/{lot}")).status == 404
    assert (await server.get(f"{bobs}/lots/{lot}/draws")).status == 404
    assert (await server.get(f"{WALLET}/lots?after=there")).status == 422
