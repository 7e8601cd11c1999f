"""Plugins that cannot be loaded: the shop sells on without them, or says in one line why it does not open."""

import pytest

from storefront.core.config import ConfigError
from storefront.core.migrating import MigrationFailed
from storefront.plugins import PluginFailed
from storefront.testing import running_shop

NO_CLASS = "raise RuntimeError('the moon is full')\n"
OLD = "class Plugin:\n    api_version = 0\n"
RAISE = "raise RuntimeError('the moon is full')"
BROKEN = {
    "import": ("", NO_CLASS, "the moon is full"),
    "version": ("", OLD, "it was written for version 0 of the plugin interface, and this is version 1"),
    "construct": (f"def __init__(self, config):\n    {RAISE}", None, "it raised at start: the moon is full"),
    "typo": ("@hookimpl\nasync def on_evnet(self, event):\n    pass", None, "on_evnet"),
    "kinds": (f"@hookimpl\ndef register_offer_kinds(self):\n    {RAISE}", None, "register_offer_kinds failed"),
    "gateways": (f"@hookimpl\ndef register_gateways(self):\n    {RAISE}", None, "register_gateways failed"),
    "routes": (f"@hookimpl\ndef register_routes(self):\n    {RAISE}", None, "register_routes failed"),
    "jobs": (f"@hookimpl\ndef register_jobs(self):\n    {RAISE}", None, "register_jobs failed"),
    "late": (f"@hookimpl\ndef register_late_steps(self):\n    {RAISE}", None, "register_late_steps failed"),
}
KIND = """
@hookimpl
def register_offer_kinds(self):
    from storefront_microtransactions.kinds import Item

    return [Item(name="stranger_item")]

@hookimpl
def register_routes(self):
    raise RuntimeError("after the kinds")

offer_kind_schemas = {"stranger_item": {"type": "object", "properties": {"type": {"type": "string"}}}}
"""
SOUND_JUDGE = """
@hookimpl
async def assess_purchase(self, attempt):
    return None
"""
JUDGE = f"""{SOUND_JUDGE}
@hookimpl
def register_jobs(self):
    {RAISE}
"""
PAGE = """
@hookimpl
def register_routes(self):
    from storefront.routing import Role, Routes, respond

    routes = Routes("{name}")

    @routes.get("{path}", allow=Role.PUBLIC, page={page})
    async def show_it(call):
        '''Show it.'''
        return respond({{}})

    return [routes]
"""


def write(strangers, case, name):
    body, head, reason = BROKEN[case]
    strangers.write(name, body, **({} if head is None else {"head": head}))
    return reason


@pytest.mark.parametrize("case", BROKEN)
async def test_a_broken_plugin_is_left_out_and_the_shop_sells(strangers, tmp_path, case):
    reason = write(strangers, case, "moody")
    async with running_shop(tmp_path, strangers.shop("moody: {on_error: skip}")) as shop:
        await shop.bought("gems-500")
        assert (await shop.buy("potion")).status == 201
        facts = {plugin["name"]: plugin for plugin in shop.parts.host.describe()}

    assert (facts["microtransactions"]["state"], facts["moody"]["state"]) == ("active", "left out")
    assert reason in facts["moody"]["reason"]


@pytest.mark.parametrize("case", BROKEN)
async def test_a_broken_plugin_that_must_be_there_fails_the_start_in_one_line(strangers, tmp_path, case):
    reason = write(strangers, case, "moody")
    with pytest.raises(PluginFailed) as failure:
        async with running_shop(tmp_path, strangers.shop("moody: {}")):
            pass
    assert failure.value.detail.startswith("The plugin moody could not be loaded: ")
    assert reason in failure.value.detail
    assert "\n" not in failure.value.detail


async def test_a_plugin_that_is_not_installed_can_be_left_out(strangers, tmp_path):
    async with running_shop(tmp_path, strangers.shop("nobody: {on_error: skip}")) as shop:
        await shop.bought("gems-500")
        facts = {plugin["name"]: plugin for plugin in shop.parts.host.describe()}
    assert (facts["nobody"]["state"], facts["nobody"]["reason"]) == ("left out", "it is not installed")


async def test_offers_of_a_plugin_that_failed_late_are_not_on_sale(strangers, tmp_path):
    strangers.write("moody", KIND)
    text = strangers.shop("moody: {on_error: skip}")
    text += "  hat: {kind: stranger_item, title: Hat, type: durable, prices: {gems: 1}}\n"
    async with running_shop(tmp_path, text) as shop:
        await shop.bought("gems-500")
        catalog = (await shop.as_customer().get("/v1/catalog")).json
        hat = await shop.buy("hat")
        assert (await shop.buy("potion")).status == 201

    assert "hat" not in [offer["sku"] for offer in catalog["offers"]]
    assert (hat.status, hat.json["code"]) == (409, "offer_closed")


async def test_a_judge_is_never_left_out_unless_the_operator_says_so(strangers, tmp_path):
    strangers.write("judge", JUDGE)
    with pytest.raises(PluginFailed, match="It judges purchases, so the shop does not open without it"):
        async with running_shop(tmp_path, strangers.shop("judge: {on_error: skip}")):
            pass
    async with running_shop(tmp_path, strangers.shop("judge: {on_error: skip, unscreened: allow}")) as shop:
        await shop.bought("gems-500")


async def test_a_judge_with_a_mistake_in_its_section_is_not_left_out_either(strangers, tmp_path):
    strangers.write("judge", SOUND_JUDGE)
    with pytest.raises(PluginFailed, match=r"plugins\.judge\.size: unknown key.*It judges purchases"):
        async with running_shop(tmp_path, strangers.shop("judge: {on_error: skip, size: 1}")):
            pass
    async with running_shop(tmp_path, strangers.shop("judge: {on_error: skip, size: 1, unscreened: allow}")) as shop:
        await shop.bought("gems-500")


async def test_a_judge_of_another_version_is_not_left_out_either(strangers, tmp_path):
    strangers.write("judge", SOUND_JUDGE, head=f"from storefront.hookspecs import hookimpl\n\n{OLD}")
    with pytest.raises(PluginFailed, match=r"written for version 0.*It judges purchases"):
        async with running_shop(tmp_path, strangers.shop("judge: {on_error: skip}")):
            pass


CHECKS = "config_checks = (lambda document: [document['offers']['moon']],)"


@pytest.mark.parametrize(("on_error", "opens"), [("fail", False), ("skip", True)])
async def test_a_plugin_whose_own_check_raises_is_named_at_its_place(strangers, tmp_path, on_error, opens):
    strangers.write("moody", CHECKS)
    text = strangers.shop(f"moody: {{on_error: {on_error}}}")
    mistake = "plugins.moody: cannot check this configuration: KeyError: 'moon'"

    if opens:
        async with running_shop(tmp_path, text) as shop:
            facts = {plugin["name"]: plugin for plugin in shop.parts.host.describe()}
        assert mistake in facts["moody"]["reason"]
        return
    with pytest.raises(ConfigError) as failure:
        async with running_shop(tmp_path, text):
            pass
    assert mistake in str(failure.value)


@pytest.mark.parametrize(("on_error", "opens"), [("fail", False), ("skip", True)])
async def test_a_mistake_in_a_plugins_section_is_shown_at_its_place(strangers, tmp_path, on_error, opens):
    schema = "{'type': 'object', 'properties': {'size': {'type': 'integer'}}, 'additionalProperties': False}"
    strangers.write("moody", f"config_schema = {schema}")
    text = strangers.shop(f"moody: {{on_error: {on_error}, size: large}}")
    line = text.splitlines().index(f"  moody: {{on_error: {on_error}, size: large}}") + 1
    mistake = f"shop.yaml:{line}:33 plugins.moody.size: must be an integer"

    if opens:
        async with running_shop(tmp_path, text) as shop:
            await shop.bought("gems-500")
            facts = {plugin["name"]: plugin for plugin in shop.parts.host.describe()}
        assert mistake in facts["moody"]["reason"]
        return
    with pytest.raises(ConfigError) as failure:
        async with running_shop(tmp_path, text):
            pass
    assert mistake in str(failure.value)


async def test_a_migration_that_fails_fails_the_start_and_leaves_the_tables_as_they_were(strangers, tmp_path):
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "0001_first.py").write_text(
        "from alembic import op\n\nrevision = '0001'\ndown_revision = None\n\ndef upgrade():\n"
        f"    op.execute('CREATE TABLE moody_moods (id TEXT)')\n    {RAISE}\n"
    )
    strangers.write("moody", f"migrations = {str(tmp_path / 'migrations')!r}")
    with pytest.raises(MigrationFailed, match=r"The migrations of the plugin moody failed.*: the moon is full"):
        async with running_shop(tmp_path, strangers.shop("moody: {}")):
            pass
    async with running_shop(tmp_path) as shop:
        await shop.bought("gems-500")
        assert "moody_moods" not in shop.rows()


async def test_two_plugins_with_one_page_fail_the_start_and_both_are_named(strangers, tmp_path):
    for name in ("first", "second"):
        strangers.write(name, PAGE.format(name=name, path="/guestbook", page=True))
    with pytest.raises(Exception, match=r"/guestbook is declared twice: by first \(.*\) and by second \("):
        async with running_shop(tmp_path, strangers.shop("first: {}", "second: {}")):
            pass


@pytest.mark.parametrize("path", ["/v1/guestbook", "/v1/microtransactions/guestbook", "/v1/purchases", "/guestbook"])
async def test_a_plugin_keeps_its_routes_in_its_own_corner(strangers, tmp_path, path):
    strangers.write("guests", PAGE.format(name="guests", path=path, page=False))
    with pytest.raises(PluginFailed, match=rf"{path} must live under /v1/guests/"):
        async with running_shop(tmp_path, strangers.shop("guests: {}")):
            pass
