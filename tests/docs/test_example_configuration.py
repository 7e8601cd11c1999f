"""config.example.yaml: it names every key of our plugins, its commented parts are taken, its plans and tips work."""

import re
from pathlib import Path
from shutil import copytree

import pytest
from storefront_fanfunding import FanfundingPlugin
from storefront_fanfunding.creator_schema import creators
from storefront_fraud import FraudPlugin
from storefront_mail import MailPlugin
from storefront_subscriptions import SubscriptionsPlugin
from storefront_subscriptions.config_schema import SUBSCRIPTION

from storefront.testing import running_shop
from tests.cli.conftest import storefront
from tests.subscriptions.subscribing import may, see, subscribe
from tests.subscriptions.test_account import Account, browser

from .test_readme import ROOT

EXAMPLE = (ROOT / "config.example.yaml").read_text()
METERS = """
meters:
  charts_drawn: {event_type: chart.drawn, aggregation: count}
  ink_used: {event_type: ink.used, aggregation: sum, value: drops}
  nights_out: {event_type: night.out, aggregation: count}
"""


def keys(schema: object) -> set[str]:
    """Return the names of all properties, at any depth."""
    if isinstance(schema, list):
        return {key for one in schema for key in keys(one)}
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})) | {key for part in schema.values() for key in keys(part)}


SECTIONS = {
    "plugin": (SubscriptionsPlugin.config_schema, "  subscriptions:  ", "  fanfunding:  "),
    "fanfunding": (FanfundingPlugin.config_schema, "  fanfunding:  ", "# Fraud rules"),
    "fraud": (FraudPlugin.config_schema, "  # Fraud rules", "# Mails to customers"),
    "mail": (MailPlugin.config_schema, "  # mail:", "# --- What there is"),
    "tier": (SUBSCRIPTION, "  # Tiers, begun", "  # Prices for countries"),
}


@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_is_named(name):
    schema, first, last = SECTIONS[name]
    section = EXAMPLE[EXAMPLE.index(first) : EXAMPLE.index(last)]
    assert [key for key in sorted(keys(schema)) if not re.search(rf"\b{key}:(?: |$)", section, re.MULTILINE)] == []


def uncommented(text: str, first: str, last: str) -> str:
    """Take one ``# `` from the lines of a part, which begins and ends with these."""
    start = text.index(first)
    end = text.index(last, start) + len(last)
    return text[:start] + re.sub(r"^( *)# (?=( *[\w.#-]+:| *- | *# ))", r"\1", text[start:end], flags=re.M) + text[end:]


def test_what_is_commented_out_is_taken(tmp_path: Path):
    text = uncommented(EXAMPLE, "  subscriptions:  ", "to: warden, timing: period_end}]\n")
    text = uncommented(text, "  fanfunding:  ", 'imports: {kofi: {token: "${KOFI_TOKEN}"}}}\n')
    text = uncommented(text, "  # fraud:", 'customer.purchases"}\n')
    text = uncommented(text, "  # mail:", "necessary: true}\n")
    text = uncommented(text, "  keeper:\n", "neither up nor down\n")
    text = uncommented(text, "  # map-maker:", 'flat: "10"}]}\n')
    copytree(ROOT / "creators", tmp_path / "creators")
    (tmp_path / "shop.yaml").write_text(text + METERS)

    told = storefront(
        "check", tmp_path / "shop.yaml", SMTP_PASSWORD="x", KOFI_TOKEN="of-ko-fi", DATA=str(tmp_path / "data")
    )

    assert (told.stderr, told.returncode) == ("", 0)
    assert "fraud     rules before anything is written: trusted (allow), reported-customer (block)" in told.stdout
    assert "fraud     rules when the payment is known: reported-card (block)" in told.stdout


async def test_its_plans_are_begun_as_the_account_page_shows_them(tmp_path):
    async with running_shop(tmp_path, ROOT / "config.example.yaml") as shop, browser(shop) as http:
        page = Account(shop, http)
        html = await page.play_as("ada")
        assert re.findall(r'aria-label="((?:Begin|Try) [^"]+)"', html) == [
            "Begin Passer-by, free",
            "Try Lantern keeper free for 14 days, then $4.99 a month",
            "Try Lantern keeper free for 14 days, then $49.90 a year",
            "Begin Lantern warden for $9.99 a month",
            "Begin Lantern warden for $99.90 a year",
        ]
        assert (await page.press("/account/subscribe"))[0] == 303
        assert await may(shop, "club-name")
        bob = await subscribe(shop, "keeper", customer="bob")
        eve = await subscribe(shop, "warden", customer="eve")

        await shop.quiet()

        states = [(await see(shop, plan, customer=who))["billing_state"] for plan, who in ((bob, "bob"), (eve, "eve"))]
        assert states == ["trialing", "active"]
        assert [shop.balance(f"customer:{who}:gems") for who in ("bob", "eve")] == [300, 700]
        assert [amount for _, amount in await shop.sandbox.charged()] == [999]


def test_luna_names_every_key_that_a_creator_may_write():
    luna = (ROOT / "creators/luna.yaml").read_text()
    assert [key for key in sorted(keys(creators())) if not re.search(rf"\b{key}:(?: |$)", luna, re.MULTILINE)] == []


async def test_luna_is_tipped_as_her_file_says(tmp_path):
    async with running_shop(tmp_path, ROOT / "config.example.yaml") as shop:
        path = "/v1/fanfunding/creators/luna"
        shown = (await shop.as_nobody().get(path)).json
        assert shown["min"] == {"USD": 100, "EUR": 100, "gems": 100}
        given = {"amount": {"amount": 500, "currency": "USD"}, "name": "Mio", "message": "For Biscuit"}
        begun = await shop.as_nobody().post(f"{path}/tips", given, key="first")
        assert begun.status == 202
        await shop.pay(begun)
        assert (await shop.settled(begun))["status"] == "completed"
        (one,) = (await shop.as_nobody().get(f"{path}/tips")).json["data"]
        assert (one["name"], one["message"], one["tier"]) == ("Mio", "For Biscuit", "gold")
        assert shop.balance("platform:revenue:USD") == 50
