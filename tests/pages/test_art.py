"""Item art: the same drawing for the same item, well-formed, and safe under a strict policy."""

from xml.etree import ElementTree

import pytest

from storefront.design.art import HUES, KINDS, art, gem_pile, hue_of, kind_of, tint_class
from storefront.design.coins import coin, looks_of
from storefront.design.icons import ICONS, icon

PILES = tuple(f"{piece}-{count}" for piece in ("gem", "coin") for count in range(1, 7))


@pytest.mark.parametrize("kind", [*KINDS, *PILES])
@pytest.mark.parametrize("hue", HUES)
def test_every_drawing_is_well_formed_and_flat(kind: str, hue: str) -> None:
    svg = ElementTree.fromstring(art(kind, "sword-of-dawn", hue=hue))
    fills = {path.attrib["fill"] for path in svg.iter("path")}
    assert svg.attrib["viewBox"] == "0 0 64 64"
    assert svg.attrib["aria-hidden"] == "true"
    assert 3 <= len(fills) <= 5
    assert not [element for element in svg.iter() if "style" in element.attrib]


def test_an_item_keeps_its_hue() -> None:
    keys = ("sword-of-dawn", "health-potion", "salt-key", "ashen-crown")
    assert [hue_of(key) for key in keys] == ["marigold", "berry", "teal", "clay"]
    assert art("sword", "sword-of-dawn") == art("sword", "sword-of-dawn", hue="marigold")
    assert tint_class("sword", "sword-of-dawn") == "tint-marigold"


def test_a_pile_has_as_many_pieces_as_it_says() -> None:
    assert [len(ElementTree.fromstring(art(pile, "x")).findall("g")) for pile in PILES] == 2 * [1, 2, 3, 4, 5, 6]


def test_a_larger_pack_is_a_larger_pile() -> None:
    amounts = (1, 299, 300, 500, 1200, 2600, 7000, 15000)
    assert [gem_pile(amount)[-1] for amount in amounts] == list("11223456")


def test_the_kind_is_read_from_the_sku_and_a_parcel_stands_for_the_rest() -> None:
    skus = ("sword-of-dawn", "health-potion", "rime_boots", "winter-bundle", "gems-500", "thing-42", "default")
    assert [kind_of(sku) for sku in skus] == ["sword", "potion", "boots", "chest", "gem", "default", "default"]
    assert art("no such kind", "a") == art("default", "a")


def test_a_title_is_escaped_and_makes_the_drawing_an_image() -> None:
    svg = art("sword", "a", title='<b>"Dawn"</b>')
    assert ElementTree.fromstring(svg).findtext("title") == '<b>"Dawn"</b>'
    assert 'role="img"' in svg


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_is_well_formed(name: str) -> None:
    assert ElementTree.fromstring(icon(name)).attrib["stroke"] == "currentColor"


def test_no_two_currencies_look_alike_and_the_first_keep_their_looks() -> None:
    codes = ["crystals", "embers", "gold", "silver", "dust", "gems"]
    looks = looks_of(codes)
    assert looks["crystals"] is None  # the gem
    assert len(set(looks.values())) == len(codes)
    assert looks_of(codes[:3]) == {code: looks[code] for code in codes[:3]}


@pytest.mark.parametrize(("name", "letter"), [("embers", "E"), ("⟨gold⟩", "G"), ("金貨", "金"), ("<b>", "B")])
def test_a_coin_bears_the_first_letter_of_its_name(name: str, letter: str) -> None:
    svg = ElementTree.fromstring(coin(name, "teal"))
    assert (svg.findtext("text"), svg.attrib["aria-hidden"]) == (letter, "true")
