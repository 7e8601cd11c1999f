"""What the README and the guides print works as printed."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from storefront.core import accounts
from storefront.core.commit import plan as plan_module
from storefront.core.commit.plan import Plan, Steps
from storefront.core.config import build, read_document
from storefront.plugins import installed_plugins, plugin_schema
from storefront.testing import running_shop

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
HEAD = "set -euo pipefail\n"


def blocks(text: str, language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [body for name, body in found if name == language]


async def run(*command: str, **environ: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **environ}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, (out + err).decode()
    return out.decode()


async def test_the_story_works_as_printed(tmp_path):
    story = [block for block in blocks(README, "sh") if "$SHOP" in block]
    printed = "".join(blocks(README.split("## The same, in Python")[0], ""))
    async with running_shop(tmp_path, ROOT / "config.example.yaml") as shop:
        script = HEAD + "".join(story).replace("http://127.0.0.1:8080", shop.url)
        first = await run("bash", "-c", script)
        again = await run("bash", "-c", script)

        assert first.split("\n}\n", 1)[1] == printed
        assert "sword-of-dawn" in first.split("\n}\n", 1)[0]
        assert again.split("\n}\n", 1)[1].startswith("pending\n303\ncompleted\n380\n")

        (example,) = [block for block in blocks(README, "python") if "asyncio.run" in block]
        said = await run(sys.executable, "-c", example.replace("http://127.0.0.1:8080", shop.url))
        assert said == "completed 365 True\n"


async def test_holds_wallets_and_the_stream_work_as_the_guide_prints_them(tmp_path):
    guide = (ROOT / "docs" / "getting-started.md").read_text().split("## Holds\n")[1].split("## Every day\n")[0]
    (event,) = blocks(guide, "")
    async with running_shop(tmp_path, ROOT / "config.example.yaml") as shop:
        script = HEAD + "".join(blocks(guide, "sh")).replace("http://127.0.0.1:8080", shop.url)
        said = (await run("bash", "-c", script)).split("\n", 8)

    assert said[:4] == ["eve", "500", "120", "captured"]
    assert said[4:7] == ["released", "hold.captured", "grant"]
    assert said[7].startswith("hold_")
    assert said[8].startswith(event)


async def test_cards_are_saved_and_charged_as_the_guide_prints_it(tmp_path):
    page = (ROOT / "docs" / "payments.md").read_text()
    guide = page.split("## Cards over the API\n")[1].split("## Stripe's test mode first\n")[0]
    async with running_shop(tmp_path, ROOT / "config.example.yaml") as shop:
        script = HEAD + "".join(blocks(guide, "sh")).replace("http://127.0.0.1:8080", shop.url)
        assert await run("bash", "-c", script) == "".join(blocks(guide, ""))


async def test_promo_codes_and_referrals_work_as_the_guide_prints_them(tmp_path):
    guide = (ROOT / "docs" / "promo-codes.md").read_text()
    (text,) = blocks(guide, "yaml")
    async with running_shop(tmp_path, "data: ${DATA}\n" + text) as shop:
        asked = [block for block in blocks(guide, "sh") if "api /v1" in block]
        script = HEAD + "".join(asked).replace("http://127.0.0.1:8080", shop.url)
        assert await run("bash", "-c", script) == "".join(blocks(guide, ""))


@pytest.mark.parametrize("page", ["README.md", "docs/getting-started.md", "docs/payments.md", "docs/promo-codes.md"])
def test_the_shops_in_the_guides_have_no_mistakes(tmp_path, page):
    shops = [block for block in blocks((ROOT / page).read_text(), "yaml") if block.startswith("shop:")]
    assert shops
    for number, text in enumerate(shops):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text)
        mode = "test" if "mode: sandbox" in text else "live"
        environ = {"STRIPE_SECRET_KEY": f"sk_{mode}_" + "x" * 24, "STRIPE_WEBHOOK_SECRET": "whsec_" + "x" * 32}
        points = installed_plugins()
        document = read_document(path, environ)
        build(document, plugins={name: plugin_schema(points[name].load()) for name in document.enabled_plugins})


def test_every_link_in_the_words_leads_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "plugins").glob("*/README.md")]
    pages += [*(ROOT / "sdk").glob("*/README.md"), ROOT / "examples" / "plugin" / "README.md"]
    dead = []
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                dead.append(f"{page.relative_to(ROOT)}: {target}")
    assert dead == []


def test_what_the_plugin_guide_shows_is_what_the_plugin_says():
    shown = 0
    for block in blocks((ROOT / "docs" / "plugins.md").read_text(), "python"):
        first, rest = block.split("\n", 1)
        if first.startswith("# storefront_raffle/"):
            source = (ROOT / "examples" / "plugin" / first.removeprefix("# ")).read_text()
            missing = [part for part in re.split(r"^ *…\n", rest, flags=re.MULTILINE) if part.strip("\n") not in source]
            assert missing == [], first
            shown += 1
    assert shown >= 5


def test_every_step_in_the_plugin_guides_table_can_be_planned():
    page = (ROOT / "docs" / "plugins.md").read_text().split("## Plans")[1].split("## Late steps")[0]
    examples = re.findall(r"^\| .*? \| `(plan\..*?)` \|", page, re.MULTILINE)
    steps = Steps()
    texts = (
        "customer_id",
        "ticket_id",
        "purchase_id",
        "hold_id",
        "reversal_id",
        "anchor",
        "sku",
        "winner",
        "job_id",
        "key",
    )
    names = {name: name for name in texts}
    names |= (
        vars(plan_module) | vars(accounts) | {"steps": steps, "row": {}, "due": 1, "now": 0, "reads": (), "facts": {}}
    )
    names["demand"] = plan_module.Demand(None)
    for example in examples:
        plan = Plan(actor="plugin:raffle")
        eval(example, {**names, "plan": plan})
        assert len(plan) + len(plan.on_refused) == 1, example
    assert len(examples) >= 15
