"""The hype train: started by several fans, driven by tips, ended by time; each of its events in order."""

import json

import pytest

from storefront.testing import running_shop
from tests.fanfunding.test_overlay_queue import act, overlays  # noqa: F401 (a fixture)
from tests.fanfunding.tipping import FAN_SHOP, LUNA, tip

LUNA_RIDES = LUNA + "train: {contributions: 3, levels: {USD: [1000, 1000, 1000, 1000, 1000]}}\n"


@pytest.fixture
async def stream(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(LUNA_RIDES)
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        yield shop


async def gives(shop, fan: str, amount: int, currency: str = "USD", **more):
    await tip(shop, amount, currency, by=shop.as_server(), customer=fan, name=more.pop("name", fan), **more)
    await shop.quiet()


def told(shop) -> list[tuple[str, int, int, int]]:
    """Return event, train, its place in the train, and the level, of all events of trains."""
    rows = shop.query("SELECT type, payload FROM events WHERE type LIKE 'train.%' ORDER BY commit_no, sequence")
    found = [(row["type"].removeprefix("train."), json.loads(row["payload"])) for row in rows]
    return [(name, one["number"], one["sequence"], one["level"]) for name, one in found]


def train(shop) -> tuple[str, int, int, int]:
    row = shop.query("SELECT state, level, progress, total FROM fanfunding_trains ORDER BY number DESC LIMIT 1")[0]
    return row["state"], row["level"], row["progress"], row["total"]


async def test_different_fans_start_it_tips_drive_it_on_and_time_ends_it_for_two_hours(stream):
    await gives(stream, "mio", 200)
    await gives(stream, "mio", 200)
    await gives(stream, "zoe", 200)
    assert told(stream) == []  # two fans
    await stream.advance("6m")
    await gives(stream, "eve", 200)
    assert told(stream) == []  # the others were too long ago
    await gives(stream, "mio", 200)
    await gives(stream, "zoe", 400, "EUR")  # worth 500 USD
    assert (train(stream), told(stream)) == (("running", 1, 900, 900), [("started", 1, 1, 1)])
    await stream.advance("4m")
    await gives(stream, "mio", 250)
    assert train(stream) == ("running", 2, 150, 1150)  # what is over counts for the next, and the time begins anew
    await stream.advance("4m")
    await gives(stream, "mio", 100)
    await stream.advance("2m")
    assert train(stream) == ("over", 2, 250, 1250)
    assert told(stream) == [("started", 1, 1, 1), ("level_reached", 1, 2, 2), ("driven", 1, 3, 2), ("over", 1, 4, 2)]
    for fan in ("mio", "zoe", "eve"):
        await gives(stream, fan, 500)
    assert len(told(stream)) == 4  # it rests
    await stream.advance("121m")
    for fan in ("mio", "zoe", "eve"):
        await gives(stream, fan, 500)
    assert told(stream)[4:] == [("started", 2, 1, 2)]
    await stream.advance("126m")
    for fan, amount in (("mio", 5000), ("zoe", 500), ("eve", 500)):
        await gives(stream, fan, amount)
    assert told(stream)[5:] == [("over", 2, 2, 2), ("started", 3, 1, 5), ("full", 3, 2, 5)]


async def test_the_last_level_fills_the_train_and_nobody_who_is_anonymous_is_named(stream, overlays):  # noqa: F811
    here = await overlays()
    url = f"{stream.url}/v1/fanfunding/overlay/stream/train"
    async with here.session.get(url, headers={"Overlay-Ticket": await here.ticket()}) as answer:
        here.answer, opened = answer, here.answer
        assert await here.hear() == ("train", {"train": None, "left_ms": 0})
        await gives(stream, "mio", 100)
        await gives(stream, "zoe", 100, anonymous=True)
        await gives(stream, "eve", 900, name="spoiler")
        _, said = await here.hear()
        assert (said["train"]["level"], said["train"]["percent"], said["train"]["riders"]) == (
            2,
            10,
            [None, None, "mio"],
        )
        assert 0 < said["left_ms"] <= 300_000
        alert = stream.query("SELECT a.sequence FROM fanfunding_alerts a JOIN fanfunding_tips t ON t.id = a.tip_id "
                             "WHERE t.name = 'mio'")[0]["sequence"]  # fmt: skip
        await act(stream, "block", alert)
        _, said = await here.hear()
        assert said["train"]["riders"] == [None, None, None]
        await gives(stream, "kim", 3900)
        assert (await here.hear())[1] == {"train": None, "left_ms": 0}
        opened.close()
    assert told(stream) == [("started", 1, 1, 2), ("full", 1, 2, 5)]
    assert train(stream) == ("full", 5, 1000, 5000)
