"""``storefront operators``: each command, with a server and without, in words and as JSON, and what it refuses."""

import re

import pytest

from storefront.control.desk import Desk
from storefront.control.server import control_socket
from storefront.testing import running_shop
from storefront.testing.tiny_shop import TINY_SHOP
from tests.cli.conftest import storefront
from tests.cli.test_operating import Shell
from tests.console.visiting import Visitor

ANA = "ana@example.com"


@pytest.fixture
async def shell(tmp_path):
    async with running_shop(tmp_path, TINY_SHOP) as shop:
        host = shop.parts.host
        async with control_socket(Desk(shop.parts, url=shop.url, read=lambda: host)):
            yield Shell(shop, tmp_path / "shop.yaml", tmp_path / "data")


async def refused(shell, *words):
    """Return the exit code and the first line of what was refused."""
    done = await shell.ask("operators", *words)
    assert done.stdout == ""
    return done.returncode, " ".join(done.stderr.split())


async def test_operators_are_made_let_in_changed_and_ended_from_the_shell(shell):
    shop, here = shell.shop, Visitor(shell.shop)
    assert "Nobody can sign in yet" in (await shell.ask("operators", "list")).stdout
    said = await shell.ask("operators", "add", "Ana@Example.com", "--role", "owner")
    (url,) = re.findall(r"http\S+/console/sign-in#code=opl_\S+", said.stdout)
    assert url.startswith(shop.url)
    assert "send it on a private way" in said.stderr
    assert (await here.by_link(url.partition("code=")[2])).to == "/console"

    made = await shell.told("operators", "add", "ben", "--role", "read_only")
    assert {name: made[name] for name in ("login", "role", "password", "codes", "ended_at")} == {
        "login": "ben", "role": "read_only", "password": False, "codes": False, "ended_at": None,
    }  # fmt: skip
    assert made["url"].startswith(f"{shop.url}/console/sign-in#code=opl_")
    again = await shell.told("operators", "link", made["id"])
    assert again["url"] != made["url"]
    assert (await Visitor(shop).by_link(made["url"].partition("code=")[2])).status == 422
    ben = Visitor(shop)
    assert (await ben.by_link(again["url"].partition("code=")[2])).status == 303

    assert (await shell.told("operators", "role", "BEN", "--role", "support"))["role"] == "support"
    assert "ben is read_only now" in (await shell.ask("operators", "role", "ben", "--role", "read_only")).stdout
    assert (await shell.told("operators", "reset", "ben"))["password"] is False
    assert not await ben.is_in()
    assert (await shell.told("operators", "end", "ben"))["ended_at"] is not None
    assert "ben has ended" in (await shell.ask("operators", "end", "ben")).stdout  # safe to repeat
    listed = await shell.told("operators", "list")
    assert [(one["login"], one["role"], one["ended_at"] is None) for one in listed] == [
        (ANA, "owner", True), ("ben", "read_only", False),
    ]  # fmt: skip
    table = (await shell.ask("operators", "list")).stdout
    assert "may sign in" in table
    assert "ended 20" in table
    assert (await shell.told("operators", "take-back", "ben"))["ended_at"] is None
    assert shell.audited() == [
        "operator.added", "operator.link_made", "operator.added", "operator.link_made", "operator.link_made",
        "operator.role_changed", "operator.role_changed", "operator.reset", "operator.ended", "operator.taken_back",
    ]  # fmt: skip


async def test_what_the_shell_refuses_it_explains_and_nothing_is_written(shell):
    await shell.told("operators", "add", ANA, "--role", "owner")
    await shell.told("operators", "add", "ben", "--role", "support")
    await shell.told("operators", "end", "ben")
    before = shell.shop.rows()
    for words, says in (
        (("add", ANA, "--role", "support"), f"There is an operator {ANA} already."),
        (("add", "two words", "--role", "support"), "must be a name or e-mail address"),
        (("add", "", "--role", "support"), "must be a name or e-mail address"),
        (("add", "x" * 101, "--role", "support"), "must be a name or e-mail address"),
        (("link", "nobody"), "There is no operator nobody."),
        (("role", "nobody", "--role", "owner"), "There is no operator nobody."),
        (("reset", "nobody"), "There is no operator nobody."),
        (("take-back", "nobody"), "There is no operator nobody."),
        (("end", "nobody"), "There is no operator nobody."),
        (("link", "ben"), "ben has ended. Take them back first."),
        (("end", ANA), "This is the shop's last owner. Make another one first."),
        (("role", ANA, "--role", "finance"), "This is the shop's last owner. Make another one first."),
    ):
        code, told = await refused(shell, *words)
        assert (code, says in told) == (1, True), (words, told)
        code, told = await refused(shell, *words, "--json")
        assert (code, says in told) == (1, True), (words, told)
    for words in (("add", "cem"), ("add", "cem", "--role", "king"), ("end",), ("crown", ANA)):
        assert (await refused(shell, *words))[0] == 2, words
    assert shell.shop.rows() == before


def test_the_first_owner_is_made_before_the_first_start_and_signs_in_after_it(tmp_path):
    config, data = tmp_path / "shop.yaml", str(tmp_path / "data")
    config.write_text(TINY_SHOP)
    made = storefront("operators", "add", ANA, "--role", "owner", "--json", "--config", config, DATA=data)
    assert (made.returncode, "/console/sign-in#code=opl_" in made.stdout) == (0, True), made.stderr
    listed = storefront("operators", "list", "--config", config, DATA=data)
    assert ANA in listed.stdout
