"""The READMEs of subscriptions and mail: their YAML is taken as printed; every key, table, event and mail is named."""

import re
from pathlib import Path

import pytest
import yaml
from storefront_mail import MailPlugin
from storefront_mail.config import MAILINGS
from storefront_mail.templates import VARIABLES
from storefront_subscriptions import SubscriptionsPlugin
from storefront_subscriptions.reminding import CARD_EXPIRING, RENEWAL_UPCOMING, RESUME_UPCOMING, TRIAL_ENDING

from tests.cli.conftest import storefront
from tests.subscriptions.conftest import SUBSCRIBED

from .test_plugin_readmes import join

PLUGINS = Path(__file__).parents[2] / "plugins"
READMES = {name: (PLUGINS / name / "README.md").read_text() for name in ("subscriptions", "mail")}
CLASSES = {"subscriptions": SubscriptionsPlugin, "mail": MailPlugin}


def pieces(name):
    """All pieces of a README's YAML, joined."""
    whole: dict = {}
    for block in re.findall(r"^```yaml\n(.*?)^```$", READMES[name], re.MULTILINE | re.DOTALL):
        join(whole, yaml.safe_load(block))
    return whole


@pytest.mark.parametrize("name", READMES)
def test_what_is_printed_is_taken(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mail").mkdir()
    (tmp_path / "relay.pem").touch()
    whole = join(yaml.safe_load(SUBSCRIBED), pieces(name) if name == "subscriptions" else {})
    if name == "mail":
        section = pieces(name)["plugins"]["mail"]
        whole["plugins"]["mail"] = section | {
            "ca_file": str(tmp_path / "relay.pem"),
            "templates": str(tmp_path / "mail"),
        }
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(whole | {"data": str(tmp_path / "data")}, sort_keys=False))
    told = storefront("check", tmp_path / "shop.yaml", SMTP_PASSWORD="x")
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize("name", READMES)
def test_every_key_and_table_is_named(name):
    schema, readme = CLASSES[name].config_schema["properties"], READMES[name]
    keys = set(schema) | set(schema.get("reminders", {}).get("properties", {}))
    assert [key for key in sorted(keys) if f"{key}:" not in readme] == []
    assert [table.name for table in CLASSES[name].tables if f"`{table.name}`" not in readme] == []


def test_every_reminder_mail_and_variable_is_named():
    assert [
        event
        for event in (TRIAL_ENDING, CARD_EXPIRING, RENEWAL_UPCOMING, RESUME_UPCOMING)
        if f"`{event}`" not in READMES["subscriptions"]
    ] == []
    told = [(event, mailing.template) for event, mailing in MAILINGS.items()]
    assert [one for one in told if f"`{one[0]}`" not in READMES["mail"] or f"`{one[1]}`" not in READMES["mail"]] == []
    assert [variable for variable in sorted(VARIABLES) if f"`{variable}`" not in READMES["mail"]] == []
