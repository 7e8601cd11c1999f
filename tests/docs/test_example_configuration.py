"""config.example.yaml: it names every key of subscriptions and mail, its commented parts are taken, its plans work."""

import re
from pathlib import Path

import pytest
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
    "plugin": (SubscriptionsPlugin.config_schema, "  subscriptions:  ", "# Mails to customers"),
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
    text = uncommented(text, "  # mail:", "necessary: true}\n")
    text = uncommented(text, "  keeper:\n", "neither up nor down\n")
    text = uncommented(text, "  # map-maker:", 'flat: "10"}]}\n')
    (tmp_path / "creators").mkdir()
    (tmp_path / "shop.yaml").write_text(text + METERS)

    told = storefront("check", tmp_path / "shop.yaml", SMTP_PASSWORD="x", DATA=str(tmp_path / "data"))

    assert (told.stderr, told.returncode) == ("", 0)


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
