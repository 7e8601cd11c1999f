"""What docs/console.md prints is taken, and names every command, role and way to sign in."""

import re

from storefront.cli.operators import app
from storefront.core.operators.roles import OperatorRole
from storefront.testing import running_shop
from storefront.testing.tiny_shop import TINY_SHOP

from .test_readme import ROOT, blocks

GUIDE = (ROOT / "docs" / "console.md").read_text()


async def test_its_sections_are_taken(tmp_path):
    for number, section in enumerate(blocks(GUIDE, "yaml")):
        folder = tmp_path / str(number)
        folder.mkdir()
        uncommented = re.sub(r"(?m)^    # (\w+: )", r"    \1", section)
        async with running_shop(folder, TINY_SHOP + uncommented, environ={"OIDC_CLIENT_SECRET": "x" * 24}) as shop:
            settings = shop.parts.services.config.console
            assert (settings.unproved_refunds, settings.oidc is not None) == (
                ({"USD": 2000, "EUR": 2000}, False) if number == 0 else ({}, True)
            )


def test_its_tables_name_every_command_and_role():
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert set(re.findall(r"^\| `storefront operators (\S+?)[ `]", GUIDE, re.MULTILINE)) == commands
    assert re.findall(r"^\| `(\w+)` \|.*\| (yes|no) \|$", GUIDE, re.MULTILINE) == [
        (str(role), "yes" if role.handles_money else "no") for role in OperatorRole
    ]
