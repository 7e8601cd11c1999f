"""Holds over HTTP: set aside, captured in part or whole, released, over; each of it once."""

import pytest

from storefront.testing import OPERATOR_KEY, TINY_SHOP, running_shop

NOBODYS = "hold_01m7y0000000000000000000000"
SHAPE = {"id", "customer", "asset", "amount", "captured", "state", "reason", "expires_at", "created_at", "closed_at"}


@pytest.fixture
async def rich(shop):
    """The shop, in which ada has 500 gems."""
    await shop.bought("gems-500")
    await shop.quiet()
    return shop


async def hold(shop, amount=200, *, seconds=300, key="hold-1", **more):
    body = {"customer": "ada", "asset": "gems", "amount": amount, "expires_in_seconds": seconds, "reason": "auction 42"}
    return await shop.as_server().post("/v1/holds", body | more, key=key)


async def act(shop, held, verb, body=None, *, key="act-1"):
    return await shop.as_server().post(f"/v1/holds/{held.json['id']}/{verb}", body, key=key)


async def gems(shop):
    """Ada's wallet as she sees it: (balance, available, held)."""
    wallet = (await shop.as_customer("ada").get("/v1/me")).json["wallets"]["gems"]
    return wallet["balance"], wallet["available"], wallet["held"]


async def agrees(shop, answer):
    """Whether an answer's ``changed`` says of the wallet what GET /v1/me says."""
    change, me = answer.json["customer"], (await shop.as_customer("ada").get("/v1/me")).json
    return (change["changed"]["wallets"], change["version"]) == (me["wallets"], me["version"])


async def test_what_is_held_cannot_be_spent_and_is_still_there(rich):
    held = await hold(rich, 400)

    assert held.status == 201
    assert set(held.json) == SHAPE
    assert (held.json["amount"], held.json["captured"], held.json["state"]) == (400, 0, "open")
    assert (held.json["reason"], held.json["closed_at"]) == ("auction 42", None)
    assert await agrees(rich, held)
    assert await gems(rich) == (500, 100, 400)
    assert (await rich.as_customer("ada").get("/v1/me")).json["fresh_until"] == held.json["expires_at"]
    sword = await rich.buy("sword")
    assert (sword.status, sword.json["code"], sword.json["available"]) == (402, "insufficient_funds", 100)
    assert (await rich.buy("potion")).status == 201
    assert await gems(rich) == (485, 85, 400)


async def test_a_part_is_captured_and_the_rest_is_free_at_once(rich):
    held = await hold(rich, 200)
    captured = await act(rich, held, "capture", {"amount": 150})

    assert (captured.status, captured.json["state"], captured.json["captured"]) == (200, "captured", 150)
    assert captured.json["closed_at"] is not None
    assert await agrees(rich, captured)
    assert await gems(rich) == (350, 350, 0)
    assert rich.balance("platform:sink:gems") == 150
    entry = rich.query("SELECT kind, about FROM entries WHERE id = (SELECT entry_id FROM holds)")
    assert entry == [{"kind": "hold.captured", "about": held.json["id"]}]
    assert rich.query("SELECT id FROM jobs WHERE kind = 'hold.expire'") == []


async def test_without_an_amount_all_of_it_is_captured(rich):
    captured = await act(rich, await hold(rich, 200), "capture", {})
    assert (captured.status, captured.json["captured"]) == (200, 200)
    assert await gems(rich) == (300, 300, 0)


async def test_a_capture_without_a_body_takes_all_and_is_the_same_as_an_empty_one(rich):
    held = await hold(rich, 200)
    captured = await act(rich, held, "capture")
    again = await act(rich, held, "capture", {})

    assert (captured.status, captured.json["state"], captured.json["captured"]) == (200, "captured", 200)
    assert (again.status, again.json) == (200, captured.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    operation = (await rich.as_nobody().get("/openapi.json")).json["paths"]["/v1/holds/{id}/capture"]["post"]
    assert operation["requestBody"]["required"] is False


async def test_a_retry_gets_its_answer_also_when_the_asset_is_gone(tmp_path):
    async with running_shop(tmp_path, TINY_SHOP) as shop:
        await shop.bought("gems-500")
        held = await hold(shop)
        (tmp_path / "shop.yaml").write_text(TINY_SHOP.replace("gems", "stones"))
        await shop.restart()
        again = await hold(shop)
        other = await hold(shop, key="hold-2")
        changed = await hold(shop, 1)

    assert (held.status, again.status, again.json) == (201, 201, held.json)
    assert (other.status, other.json["errors"][0]["pointer"]) == (422, "/asset")
    assert (changed.status, changed.json["code"]) == (422, "idempotency_key_reused")


async def test_a_release_gives_all_of_it_back(rich):
    held = await hold(rich, 500)
    released = await act(rich, held, "release")

    assert (released.status, released.json["state"], released.json["captured"]) == (200, "released", 0)
    assert await agrees(rich, released)
    assert await gems(rich) == (500, 500, 0)
    assert rich.balance("platform:sink:gems") == 0


async def test_more_than_is_held_is_not_captured(rich):
    held = await hold(rich, 200)
    before = rich.rows()
    answer = await act(rich, held, "capture", {"amount": 201})

    assert (answer.status, answer.json["code"]) == (409, "hold_too_small")
    assert (answer.json["held"], answer.json["required"]) == (200, 201)
    assert rich.rows() == before
    assert (await act(rich, held, "capture", {"amount": 200})).status == 200  # the key stayed free


@pytest.mark.parametrize(("first", "state"), [("capture", "captured"), ("release", "released")])
async def test_a_hold_ends_once(rich, first, state):
    held = await hold(rich, 200)
    assert (await act(rich, held, first, {"amount": 120} if first == "capture" else None)).status == 200
    before = rich.rows()
    for verb, body in (("capture", {"amount": 10}), ("release", None)):
        answer = await act(rich, held, verb, body, key=f"again-{verb}")
        assert (answer.status, answer.json["code"], answer.json["state"]) == (409, "hold_not_open", state)
        assert answer.json["captured"] == (120 if first == "capture" else 0)
    assert rich.rows() == before


async def test_a_retry_under_its_key_is_the_same_bytes_also_after_a_restart(rich):
    server, body = (
        rich.as_server(),
        b'{"customer":"ada","asset":"gems","amount":9,"expires_in_seconds":60,"reason":"r"}',
    )
    placed = [await server.send("POST", "/v1/holds", content=body, key="k") for _ in range(2)]
    path = f"/v1/holds/{rich.query('SELECT id FROM holds')[0]['id']}/capture"
    captured = [await server.send("POST", path, content=b'{"amount":5}', key="k")]
    await rich.restart()
    captured.append(await server.send("POST", path, content=b'{"amount":5}', key="k"))

    for first, again in (placed, captured):
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers["Idempotent-Replayed"] == "true"
    other = await server.post(path, {"amount": 6}, key="k")
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert await gems(rich) == (495, 495, 0)


async def test_a_hold_is_over_when_its_job_runs(rich):
    held = await hold(rich, 200, seconds=300)
    await rich.advance("299s")
    assert await gems(rich) == (500, 300, 200)
    await rich.advance("1s")

    assert rich.query("SELECT state, captured FROM holds") == [{"state": "expired", "captured": 0}]
    assert rich.query("SELECT sum(held) AS held FROM lots") == [{"held": 0}]
    assert await gems(rich) == (500, 500, 0)
    shown = (await rich.as_server().get(f"/v1/holds/{held.json['id']}")).json
    assert (shown["state"], shown["closed_at"]) == ("expired", held.json["expires_at"])
    events = [event["type"] for event in (await rich.as_server().get("/v1/events")).json["data"]]
    assert [event for event in events if event.startswith("hold.")] == ["hold.placed", "hold.expired"]


async def test_a_hold_that_is_over_blocks_nobody_before_its_job_has_run(rich):
    held = await hold(rich, 450, seconds=300)
    await rich.parts.jobs.stop()
    rich.wall.move(300)

    assert await gems(rich) == (500, 500, 0)
    assert (await rich.as_server().get(f"/v1/holds/{held.json['id']}")).json["state"] == "expired"
    late = await act(rich, held, "capture", {})
    assert (late.status, late.json["code"], late.json["state"]) == (409, "hold_not_open", "expired")
    small = await rich.buy("potion")  # 50 were free anyway: the hold is not looked for
    assert small.status == 201
    assert await agrees(rich, small)
    assert await gems(rich) == (485, 485, 0)
    assert rich.query("SELECT state FROM holds") == [{"state": "open"}]

    sword = await rich.buy("sword")

    assert sword.status == 201
    assert rich.query("SELECT state FROM holds") == [{"state": "expired"}]
    assert await gems(rich) == (365, 365, 0)
    another = await hold(rich, 365, key="hold-2")
    assert another.status == 201


async def test_a_hold_makes_room_for_the_next_one(rich):
    await hold(rich, 450, seconds=1)
    await rich.parts.jobs.stop()
    rich.wall.move(2)
    second = await hold(rich, 500, key="hold-2")
    assert second.status == 201
    assert await agrees(rich, second)
    assert await gems(rich) == (500, 0, 500)


async def test_too_little_is_not_held(rich):
    before = rich.rows()
    answer = await hold(rich, 501)
    assert (answer.status, answer.json["code"]) == (402, "insufficient_funds")
    assert (answer.json["required"], answer.json["available"], answer.json["short_by"]) == (501, 500, 1)
    assert rich.rows() == before


async def test_a_wallet_has_at_most_256_open_holds(rich):
    for number in range(256):
        assert (await hold(rich, 1, seconds=600 if number else 300, key=f"hold-{number}")).status == 201
    answer = await hold(rich, 1, key="one-more")
    assert (answer.status, answer.json["code"], answer.json["limit"]) == (409, "too_many_holds", 256)

    await rich.parts.jobs.stop()
    rich.wall.move(300)  # the first one is over

    assert (await hold(rich, 1, key="one-more")).status == 201
    assert (await hold(rich, 1, key="and-another")).status == 409
    assert rich.query("SELECT count(*) AS n FROM holds WHERE state = 'open'") == [{"n": 256}]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount": 0}, "/amount"),
        ({"amount": -1}, "/amount"),
        ({"amount": 2**53}, "/amount"),
        ({"amount": "5"}, "/amount"),
        ({"expires_in_seconds": 0}, "/expires_in_seconds"),
        ({"expires_in_seconds": 2_592_001}, "/expires_in_seconds"),
        ({"asset": "USD"}, "/asset"),
        ({"asset": "doubloons"}, "/asset"),
        ({"reason": ""}, "/reason"),
        ({"extra": 1}, "/extra"),
    ],
)
async def test_what_cannot_be_meant_is_refused_at_the_field(rich, change, pointer):
    before = rich.rows()
    answer = await hold(rich, **({"amount": 5} | change))
    assert (answer.status, answer.json["code"]) == (422, "invalid_request")
    assert answer.json["errors"][0]["pointer"] == pointer
    assert rich.rows() == before


async def test_nobodys_wallets_and_holds_are_not_found(rich):
    server = rich.as_server()
    assert (await hold(rich, customer="nobody")).status == 404
    assert (await server.get(f"/v1/holds/{NOBODYS}")).status == 404
    assert (await server.get("/v1/holds?customer=nobody")).status == 404
    for verb, body in (("capture", {}), ("release", None)):
        assert (await server.post(f"/v1/holds/{NOBODYS}/{verb}", body, key="k")).status == 404
    unkeyed = await server.post("/v1/holds", {"customer": "ada", "asset": "gems", "amount": 1})
    assert unkeyed.status == 400


async def test_only_the_games_server_holds_and_an_operator_looks(rich):
    held = await hold(rich, 10)
    path = f"/v1/holds/{held.json['id']}"
    ada, operator = rich.as_customer("ada"), rich.bearing(OPERATOR_KEY)
    for answer in (
        await ada.get("/v1/holds"),
        await ada.get(path),
        await ada.post(f"{path}/release", key="k"),
        await operator.post(f"{path}/release", key="k"),
    ):
        assert (answer.status, answer.json["code"]) == (403, "forbidden")
    assert (await operator.get(path)).json["state"] == "open"
    assert [found["id"] for found in (await operator.get("/v1/holds")).json["data"]] == [held.json["id"]]


async def test_holds_are_listed_newest_first_by_customer_and_state(rich):
    made = [await hold(rich, 10, seconds=60, key=f"hold-{n}") for n in range(4)]
    ids = [held.json["id"] for held in made]
    await act(rich, made[0], "capture", {}, key="a")
    await act(rich, made[1], "release", key="b")
    await rich.session("bob")
    server = rich.as_server()

    async def listed(query):
        answer = await server.get(f"/v1/holds?{query}")
        assert answer.status == 200
        return [found["id"] for found in answer.json["data"]], answer.json["next"]

    assert await listed("customer=ada") == (ids[::-1], None)
    assert await listed("customer=bob") == ([], None)
    assert await listed("state=captured") == ([ids[0]], None)
    assert await listed("customer=ada&state=open") == ([ids[3], ids[2]], None)
    page, following = await listed("limit=3")
    assert page == ids[:0:-1]
    assert await listed(f"limit=3&after={following}") == ([ids[0]], None)
    assert (await server.get("/v1/holds?after=there")).status == 422
    await rich.parts.jobs.stop()
    rich.wall.move(60)
    assert await listed("state=open") == ([], None)
    assert await listed("state=expired") == ([ids[3], ids[2]], None)
