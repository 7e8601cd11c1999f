"""Odd configurations on the command line: each mistake is said at its place, never as a traceback."""

import pytest

from storefront.testing import TINY_SHOP

from .conftest import storefront


def _check(tmp_path, text):
    path = tmp_path / "shop.yaml"
    path.write_text(text, "utf-8")
    told = storefront("check", path, DATA=str(tmp_path))
    places = [line.removeprefix(f"{path}:") for line in told.stderr.splitlines() if line.startswith(f"{path}:")]
    return told, places


def _offer(offer):
    shop = TINY_SHOP.replace("{microtransactions: {}}", "{microtransactions: {}, subscriptions: {}}")
    return shop + f"  odd: {offer}\n"


def test_a_mistake_on_line_100_is_told_with_its_numbers(tmp_path):
    told, places = _check(tmp_path, "\n" * 99 + "shop: {name: Tiny, mode: x}\n")

    assert (told.returncode, [place.split(" ")[0] for place in places]) == (2, ["100:20"])


@pytest.mark.parametrize("strange", ["[]", "{}", "{USD: 1}", "[USD]"])
@pytest.mark.parametrize(
    "offer",
    [
        "{kind: item, type: durable, title: O, prices: [{amount: 499, currency: %s}]}",
        "{kind: item, type: durable, title: O, prices: [{amount: 499, currency: USD, countries: [%s]}, {amount: 1, "
        "currency: EUR}]}",
        "{kind: subscription, title: O, prices: {gems: 1}, family: f, interval: %s}",
        "{kind: container, title: O, prices: {gems: 1}, drops: [{weight: 1, gives: {gems: %s}}]}",
    ],
)
def test_a_list_or_mapping_in_place_of_a_word_or_number_is_told_at_its_place(tmp_path, offer, strange):
    text = _offer(offer % strange)
    line = len(text.splitlines())

    told, places = _check(tmp_path, text)

    assert told.returncode == 2
    assert "TypeError" not in told.stderr
    assert {place.split(":")[0] for place in places} == {str(line)}


def test_a_price_list_with_a_list_for_a_country_is_told_at_its_place(tmp_path):
    told, places = _check(
        tmp_path, TINY_SHOP + "price_lists: {brazil: {countries: [[BR]], from: USD, currency: BRL, rate: '5'}}\n"
    )

    assert told.returncode == 2
    assert "price_lists.brazil.countries[0]: must be text" in places[0]


@pytest.mark.parametrize("wrong", ["rate: '1e999999999'", "rate: '5', ending: ''", "rate: '5', ending: '9_9'"])
def test_a_price_list_that_cannot_be_worked_out_is_told_at_once(tmp_path, wrong):
    told, places = _check(
        tmp_path, TINY_SHOP + f"price_lists: {{brazil: {{countries: [BR], from: USD, currency: BRL, {wrong}}}}}\n"
    )

    assert (told.returncode, len(places)) == (2, 1)
    assert "price_lists.brazil." in places[0]


def test_a_name_may_not_end_in_a_line_break(tmp_path):
    text = TINY_SHOP.replace("  sword: {", '  "sword\\n": {')

    _, places = _check(tmp_path, text)

    assert [place.split(" ")[1] for place in places] == ['offers."sword\\n":']


def test_a_nul_is_no_text(tmp_path):
    _, places = _check(tmp_path, _offer('{kind: item, type: durable, title: "O\\0", prices: {gems: 1}}'))

    assert [place.partition(" ")[2] for place in places] == ["offers.odd.title: holds a NUL character"]


def test_a_mistake_is_told_on_one_line_of_bounded_length(tmp_path):
    usage = "{meter: m, mode: postpaid, asset: USD, price: '1', model: \"per\\nunit%s\"}" % ("x" * 100_000)
    text = TINY_SHOP + f"meters: {{m: {{event_type: m, aggregation: count}}}}\nusage: {{api: {usage}}}\n"

    told, places = _check(tmp_path, text)

    assert (told.returncode, max(map(len, places)) < 1200) == (2, True)
    assert any("usage.api.price: is not used by `per unitxx" in place for place in places)
