"""What a creator's file lets wait to be read: too many tips of one sender within a minute. Their money never waits."""

import pytest
from storefront_fanfunding.wording import count_characters, has_link, has_word, name_of

from storefront.core.errors import Invalid
from storefront.testing import running_shop
from tests.fanfunding.test_overlay_queue import OVERLAY, act, states
from tests.fanfunding.tipping import FAN_SHOP, LUNA, PATH, body, events, purse

AT_MOST_TWO = LUNA.replace("hold: [links]", "hold: [links], max_per_minute: 2")
BEHIND_A_PROXY = FAN_SHOP.replace("web: {", "web: {trusted_proxies: [127.0.0.0/8], ")


@pytest.fixture
async def stream(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(AT_MOST_TWO)
    async with running_shop(data_folder, BEHIND_A_PROXY, database=database_url) as shop:
        yield shop


async def guest(shop, address: str, **more):
    """Give a tip as somebody new at an address, and pay it."""
    headers = {"X-Forwarded-For": address}
    begun = await shop.as_nobody().post(PATH, body(100, **more), key=f"{address}-{len(states(shop))}", **headers)
    assert begun.status == 202, begun
    await shop.pay(begun)
    assert (await shop.settled(begun))["status"] == "completed"


async def test_more_than_so_many_a_minute_of_a_fan_or_of_a_networks_guests_wait_to_be_read(stream):
    for fan in ("mio", "zoe"):
        given = {"customer": fan, "asset": "gems", "amount": 50, "reason": "t"}
        assert (await stream.as_server().post("/v1/grants", given, key=fan)).status == 201
    for key, fan in enumerate(("mio", "mio", "mio", "zoe")):
        paid = await stream.as_customer(fan).post(PATH, body(10, "gems"), key=str(key))
        assert paid.status == 201
    assert states(stream) == ["queued", "queued", "held", "queued"]
    await guest(stream, "198.51.100.1")
    await guest(stream, "198.51.100.1", message="see example.com")  # waits anyway, and does not count
    await guest(stream, "198.51.100.1")
    await guest(stream, "198.51.100.1")
    await guest(stream, "198.51.100.2")
    assert states(stream)[4:] == ["queued", "held", "queued", "held", "queued"]
    rows = stream.query("SELECT held_for, sender FROM fanfunding_tips ORDER BY sequence")
    assert [row["held_for"] for row in rows] == [None, None, "often", None, None, "links", None, "often", None]
    assert {row["sender"] for row in rows} == {None}
    assert not any("198.51" in str(row) for row in stream.query("SELECT * FROM fanfunding_paces"))
    assert events(stream).count("paid") == 9
    assert purse(stream)["reserve"] == 5 * 90

    assert (await stream.as_server().post(OVERLAY + "/token")).status == 201
    assert (await act(stream, "approve", 3))["held"][0]["sequence"] == 6
    await stream.advance("60s")
    await guest(stream, "198.51.100.1")
    assert states(stream)[9:] == ["queued"]


UNSEEN = ("\u200b", "\u00ad", "\u2060", "\u200d", "\ufeff", "\u034f", "\ufe0f", "\u2063")


@pytest.mark.parametrize("unseen", UNSEEN, ids=[f"U+{ord(one):04X}" for one in UNSEEN])
def test_unseen_characters_hide_neither_a_word_nor_a_link(unseen):
    assert has_word(f"what a spo{unseen}iler", ["Spoiler"])
    assert has_link(f"see example{unseen}.com")


def test_links_are_seen_in_any_width_and_of_any_usual_end():
    for text in ("example．com", "EVIL.STORE", "ｗｗｗ.example", "see https://x", "twitch.tv/luna"):
        assert has_link(text), text
    for text in ("nice stream.thank you", "v1.5 is out", "wait...what"):
        assert not has_link(text), text


@pytest.mark.parametrize("name", ["\u3164\u3164", "\u2800\u2800\u2800", "\u115f\u1160", "a" + "\u0301" * 8 + "b"])
def test_a_name_that_nobody_sees_or_that_covers_its_neighbours_is_refused(name):
    with pytest.raises(Invalid):
        name_of(name)


def test_names_of_many_scripts_stay():
    for name in ("नमस्ते", "สวัสดี", "Việt Nam", "👩‍👩‍👧‍👦 family", "Zoë", "དཀོན་མཆོག"):
        assert count_characters(name_of(name)) >= 2
