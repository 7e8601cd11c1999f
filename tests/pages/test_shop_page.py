"""The rendered shop page: one heading, names on everything, nothing inline, nothing unescaped."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from storefront.pages import Tone
from storefront.pages.rendering import STATIC, content_security_policy, is_form_target
from storefront.web.pages import (
    AssetName,
    Notice,
    Renderer,
    ShopView,
    choose_payment,
)

Shop = Callable[..., ShopView]


class Page(HTMLParser):
    """Every start tag of a page with its attributes, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, *names: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.fixture(params=["customer", "visitor", "live visitor", "rtl"])
def html(request: pytest.FixtureRequest, shop: Shop, renderer: Renderer) -> str:
    frames: dict[str, dict[str, Any]] = {"live visitor": {"sandbox": False}, "rtl": {"direction": "rtl"}}
    frame = frames.get(request.param, {})
    return renderer.render_shop(shop(visitor="visitor" in request.param, **frame))


def test_the_page_keeps_to_the_strictest_policy(html: str) -> None:
    page = Page(html)
    assert [attributes for _, attributes in page.tags if "style" in attributes] == []
    assert [name for _, attributes in page.tags for name in attributes if name.startswith("on")] == []
    assert page.all("style") == []
    assert [script.get("type") for script in page.all("script")] == ["module"]
    assert all(script["src"].startswith("/static/pages/shop.js?v=") for script in page.all("script"))
    assert all(link["href"].startswith("/static/") for link in page.all("link"))


def test_there_is_one_h1_one_main_and_a_way_to_skip_to_it(html: str) -> None:
    page = Page(html)
    assert len(page.all("h1")) == 1
    assert [main["id"] for main in page.all("main")] == ["main"]
    assert page.all("a")[0]["href"] == "#main"


def test_ids_are_unique_and_every_reference_leads_somewhere(html: str) -> None:
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = {link["href"][1:] for link in page.all("a") if link.get("href", "").startswith("#")}
    wanted |= {attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes}
    assert wanted <= set(ids)


def test_every_visible_field_has_a_label(html: str) -> None:
    page = Page(html)
    fields = [field["id"] for field in page.all("input", "select", "textarea") if field.get("type") != "hidden"]
    assert set(fields) <= {label["for"] for label in page.all("label")}


def test_every_form_carries_the_csrf_token(html: str) -> None:
    page = Page(html)
    tokens = [field["value"] for field in page.all("input") if field.get("name") == "csrf"]
    assert tokens == ["csrf-1"] * len(page.all("form"))
    assert {form["method"] for form in page.all("form")} <= {"post"}


def test_text_from_the_catalog_is_escaped(html: str) -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<img" not in html
    assert "alert(1)</script>" not in html


def test_a_price_tag_names_what_it_buys_and_for_how_much(shop: Shop, renderer: Renderer) -> None:
    tags = [tag for tag in Page(renderer.render_shop(shop())).all("button") if "tag" in tag.get("class", "")]
    names = [tag["aria-label"].replace("\N{NO-BREAK SPACE}", " ") for tag in tags]
    assert names[:2] == ["Buy Winter chest for €14.99", "Buy 100 gems for €0.99"]
    assert "Buy Sword of Dawn for 480 gems" in names


def test_a_sandbox_cannot_be_missed_and_a_live_shop_has_no_trace_of_it(shop: Shop, renderer: Renderer) -> None:
    sandbox, live = renderer.render_shop(shop()), renderer.render_shop(shop(sandbox=False))
    assert "<title>Shop · Lanternfall (test)</title>" in sandbox
    assert "4242 4242 4242 4242" in sandbox
    assert "<title>Shop · Lanternfall</title>" in live
    assert "4242" not in live
    assert "play-as" not in live


def test_nothing_owned_is_said_in_a_sentence(shop: Shop, state: dict[str, object], renderer: Renderer) -> None:
    state["items"] = []
    assert "Nothing here yet. Things you buy land here at once." in renderer.render_shop(shop())


def test_an_error_stands_on_the_card_it_belongs_to(shop: Shop, renderer: Renderer) -> None:
    text = "We couldn't take that. No gems were spent. Try again."
    page = renderer.render_shop(shop(notice=Notice(Tone.BAD, text, "sword")))
    start = page.index('data-notes-for="sword"')
    note = page[start : page.index("</div>", start)]
    assert 'role="alert"' in note
    assert "We couldn&#39;t take that. No gems were spent. Try again." in note


def test_the_theme_is_set_by_the_server(shop: Shop, renderer: Renderer) -> None:
    assert '<html lang="en" dir="ltr" data-theme="dark">' in renderer.render_shop(shop(theme="dark"))
    assert "data-theme=" not in renderer.render_shop(shop()).split("<body>")[0]


def test_a_shop_under_a_path_keeps_all_its_addresses_there(shop: Shop, renderer: Renderer) -> None:
    page = Page(renderer.render_shop(shop(base="/store")))
    addresses = [form["action"] for form in page.all("form")] + [link["href"] for link in page.all("link")]
    assert all(address.startswith("/store/") for address in addresses)


def test_a_hostile_shop_and_customer_name_stay_text(shop: Shop, state: dict[str, object], renderer: Renderer) -> None:
    state["customer"] = '"><svg onload=x>'
    html = renderer.render_shop(shop(shop_name="</title><script>1</script>"))
    assert [name for _, attributes in Page(html).tags for name in attributes if name == "onload"] == []
    assert "<script>1" not in html


def test_the_policy_lets_forms_lead_to_the_named_origins_only() -> None:
    policy = dict(part.split(" ", 1) for part in content_security_policy(["https://checkout.example"]).split("; "))
    assert policy["form-action"] == "'self' https://checkout.example"
    assert policy["default-src"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in " ".join(policy.values())


def test_the_script_writes_text_and_never_markup() -> None:
    script = (STATIC / "shop.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|DOMParser", script)


def test_what_is_frozen_or_owed_is_said_calmly(shop: Shop, renderer: Renderer, state: dict[str, Any]) -> None:
    state["wallets"]["gems"] |= {"frozen": 500, "owed": 120, "block_spending": True}
    html = renderer.render_shop(shop()).replace("\u00a0", " ")
    assert "500 gems on hold while a payment is looked into." in html
    assert "120 of your next gems pay off what is owed. Until then your gems can&#39;t be spent." in html


def test_a_shop_with_several_currencies_offers_each_and_marks_the_chosen(shop: Shop, renderer: Renderer) -> None:
    links = [a for a in Page(renderer.render_shop(shop(currency="USD"))).all("a") if "?currency=" in a["href"]]
    assert {a["href"] for a in links} == {"/shop?currency=EUR#packs-gems", "/shop?currency=USD#packs-gems"}
    assert [a["href"] for a in links if "aria-current" in a] == ["/shop?currency=USD#packs-gems"]


@pytest.mark.parametrize(
    ("language", "title", "name"),
    [("en", "Gems", "gems"), ("de", "Juwelen", "Juwelen"), ("de-AT", "Juwelen", "Juwelen"), ("fr", "XP", "XP")],
)
def test_german_nouns_keep_their_capital(language: str, title: str, name: str) -> None:
    assert AssetName.titled("gems", title, language=language).name == name


def test_the_newest_saved_card_is_chosen_until_somebody_chooses() -> None:
    saved = [{"id": f"pmt_{n}", "kind": "card", "brand": "visa", "last4": f"424{n}"} for n in (1, 2)]
    assert choose_payment(saved, None).fields == {"payment_method": "pmt_2"}
    assert choose_payment(saved, "").fields == {}
    assert choose_payment(saved, "pmt_forgotten").fields == {}
    assert choose_payment([], None).fields == {}


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("/account?purchase=pur_1", True),
        ("https://shop.example/sandbox/pay/cs_1", True),
        ("https://checkout.stripe.com/c/pay/cs_1", True),
        ("https://hooks.stripe.com/redirect/authenticate/src_1", False),
        ("https://shop.example.evil/pay", False),
        ("http://shop.example/pay", False),
    ],
)
def test_a_form_leads_only_where_the_browser_lets_it(address, may):
    assert is_form_target(address, ["https://shop.example", "https://checkout.stripe.com"]) is may
