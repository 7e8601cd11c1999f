"""``storefront check`` and ``config-schema``, and where flags, variables and the YAML meet."""

import json
from pathlib import Path

import pytest
import typer
import yaml
from jsonschema import Draft202012Validator

from storefront.cli.commands import app
from storefront.testing import TINY_SHOP, running_shop

from .conftest import process, storefront

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"


def test_check_prints_every_mistake_with_its_place_and_ends_with_2(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("shop:\n  name: Broken\n  acent: '#123456'\nweb:\n  port: many\n")

    told = storefront("check", path)

    assert told.returncode == 2
    assert f"{path}:3:3 shop.acent:" in told.stderr
    assert f"{path}:5:9 web.port:" in told.stderr
    assert "accent" in told.stderr.split("shop.acent:")[1].splitlines()[0]
    assert "2 mistakes." in told.stderr
    assert told.stdout == ""


def test_check_tells_programs_the_same(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("shop:\n  name: Broken\nweb:\n  port: many\n")

    told = storefront("check", "--config", path, "--json")

    (mistake,) = json.loads(told.stdout)["mistakes"]
    assert told.returncode == 2
    assert (mistake["file"], mistake["line"], mistake["column"]) == (str(path), 4, 9)
    assert mistake["path"] == "web.port"


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_yaml(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(TINY_SHOP.replace("${DATA}", "./of-the-yaml"))

    of_the_variable = storefront("check", "--json", CONFIG=str(path), DATA=str(tmp_path / "variable"))
    of_the_flag = storefront("check", path, "--json", "--data", tmp_path / "flag", DATA=str(tmp_path / "variable"))

    found = [json.loads(told.stdout)["data"] for told in (of_the_variable, of_the_flag)]
    assert found == [str(tmp_path / "variable"), str(tmp_path / "flag")]


def test_a_live_shop_refuses_the_demo_keys(tmp_path):
    path = tmp_path / "live.yaml"
    path.write_text(TINY_SHOP.replace("mode: sandbox", "mode: live").replace("gateways: {sandbox: {}}", ""))

    told = process("serve", path, "--port", "0", "--data", tmp_path / "data")

    assert told.returncode == 2
    assert "keys[0].key: is a demo key that everybody knows" in told.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://shop@db.example/shop", "postgresql://shop:${DATABASE_PASSWORD}@db.example/shop"),
        ("postgresql://shop@db.example", "postgresql://shop:${DATABASE_PASSWORD}@db.example/shop"),
        ("sqlite:///", "sqlite:///./data/storefront.sqlite"),
        ("mysql://shop@db.example/shop", "sqlite:///./data/storefront.sqlite"),
    ],
)
def test_a_mistake_in_a_database_address_shows_an_example_of_its_own_kind(tmp_path, url, shown):
    path = tmp_path / "shop.yaml"
    path.write_text(f"shop: {{name: X}}\nmode: sandbox\ndatabase: {{url: '{url}'}}\n")

    told = storefront("check", path)

    assert told.returncode == 2
    assert shown in told.stderr


def test_the_published_schema_is_one_and_accepts_the_example(tmp_path):
    path = tmp_path / "config.schema.json"

    told = storefront("config-schema", "--output", path)

    assert told.returncode == 0, told.stderr
    schema = json.loads(path.read_text())
    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(yaml.safe_load(EXAMPLE.read_text()))) == []


@pytest.mark.parametrize(("arguments", "code"), [(["sereve"], 2), (["check", "no-such.yaml"], 2)])
def test_wrong_usage_ends_with_2_and_without_a_traceback(arguments, code):
    told = storefront(*arguments)

    assert told.returncode == code
    assert "Traceback" not in told.stderr


def commands(group=None, name="storefront"):
    """Yield every command of the shell with its name."""
    group = group or typer.main.get_command(app)
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def test_every_command_about_the_shop_alone_takes_its_file_as_an_argument():
    taking = {name: [part.metavar for part in command.params if part.param_type_name == "argument"]
              for name, command in commands()
              if any("--config" in part.opts for part in command.params)}  # fmt: skip
    assert len(taking) > 40
    assert [name for name, arguments in taking.items() if not arguments] == []
    assert taking["storefront audit verify"] == ["[CONFIG]"]


async def test_the_audit_of_a_shop_names_its_file_like_the_check_does(tmp_path):
    async with running_shop(tmp_path) as shop:
        await shop.bought("gems-500")
    path = tmp_path / "shop.yaml"
    told = [
        storefront(*words, path, "--data", tmp_path / "data") for words in (("audit", "verify"), ("audit", "seals"))
    ]
    flagged = storefront("audit", "verify", "--config", path, "--data", tmp_path / "data")

    assert [one.returncode for one in (*told, flagged)] == [0, 0, 0], told
    assert (told[0].stdout[:5], flagged.stdout[:5]) == ("✓  A1", "✓  A1")
    assert storefront("audit", "verify", tmp_path / "nowhere.yaml").returncode == 2
