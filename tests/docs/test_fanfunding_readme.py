"""The README of fanfunding: its YAML is taken, its tip can be given; every key, table, check and event is named."""

import json
import re
from pathlib import Path

import yaml
from storefront_fanfunding import FanfundingPlugin
from storefront_fanfunding.campaigns import PLEDGE_STATES

from storefront.testing import TINY_SHOP, running_shop
from tests.fanfunding.tipping import dispute, events

from .test_plugin_readmes import join

README = (Path(__file__).parents[2] / "plugins/fanfunding/README.md").read_text()


async def test_what_is_printed_is_taken_and_the_tip_is_given(tmp_path):
    section, luna, boards, elsewhere, alerts = re.findall(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    (tmp_path / "creators").mkdir()
    (tmp_path / "creators/luna.yaml").write_text(luna + boards + alerts)
    whole = join(join(yaml.safe_load(TINY_SHOP), yaml.safe_load(section)), yaml.safe_load(elsewhere))
    text = yaml.safe_dump(whole, sort_keys=False)
    async with running_shop(tmp_path, text, environ={"KOFI_TOKEN": "of-ko-fi-s-own"}) as shop:
        sent, pledged = re.findall(r"-d '(\{.*\})'", README)
        begun = await shop.as_nobody().post("/v1/fanfunding/creators/luna/tips", json.loads(sent), key="printed")
        assert begun.status == 202
        await shop.pay(begun)
        await shop.settled(begun)
        await dispute(shop, begun)
        await dispute(shop, begun, "won")
        (told,) = shop.query("SELECT share, tier FROM fanfunding_tips")
        assert (told["share"], told["tier"]) == (9250, "gold")
        await shop.quiet()
        path = "/v1/fanfunding/creators/luna/goals/tour/pledges"
        answer = await shop.as_nobody().post(path, json.loads(pledged), key="pledged")
        assert (answer.status, answer.json["state"]) == (202, "pending")
        (mic, _, tour) = (await shop.as_nobody().get("/v1/fanfunding/creators/luna/goals")).json["data"]
        assert (mic["amount"]["amount"], mic["aim"]["percent"]) == (500, 2)
        assert tour["campaign"]["min_collected"] == {"amount": 400_000, "currency": "USD"}
        assert {row["badge"] for row in shop.query("SELECT badge FROM fanfunding_badges")} == {"gold-heart", "founder"}
        assert [event for event in events(shop) if f"`tip.{event}`" not in README] == []


def test_every_key_table_and_check_is_named():
    keys = set(FanfundingPlugin.config_schema["properties"])
    assert [key for key in sorted(keys) if f"`{key}:`" not in README] == []
    assert [table.name for table in FanfundingPlugin.tables if f"`{table.name}`" not in README] == []
    assert [state for state in PLEDGE_STATES if f"`{state}`" not in README] == []
    assert [check.name for check in FanfundingPlugin.audit_checks if f"`{check.name}`" not in README] == []
