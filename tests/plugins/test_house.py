"""What holds for the whole house: hooks and errors are documented and tested, the wheel holds all that runs."""

import importlib
import pkgutil
import re
import shutil
import sqlite3
import zipfile
from pathlib import Path

import alembic.autogenerate
import pytest
import storefront_fanfunding
import storefront_fraud
import storefront_mail
import storefront_microtransactions
import storefront_subscriptions
from alembic.migration import MigrationContext
from storefront_fanfunding.payout_routes import ERRORS as OF_PAYOUTS
from storefront_fanfunding.pledge_routes import ERRORS as OF_PLEDGES
from storefront_fraud.routes import ERRORS as OF_FRAUD
from storefront_microtransactions.container_routes import ERRORS as OF_CONTAINERS
from storefront_microtransactions.deliveries.routes import ERRORS as DELIVERY_ERRORS
from storefront_subscriptions.routes import ERRORS as OF_SUBSCRIPTIONS

import storefront
from storefront import hookspecs
from storefront.core.errors import StorefrontError
from storefront.core.migrating import History, writing_engine
from storefront.core.sqlite_database import SqliteDatabase
from storefront.web.errors import ERRORS

from .conftest import ROOT, build

HOOKS = sorted(name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "storefront_spec"))
NEVER_ANSWERED = {
    "action_required": "gateways raise it for charges without the buyer, which no route makes yet",
    "backup_damaged": "a command's",
    "cannot_connect": "fails the start",
    "catalog_missing": "answers as internal_error",
    "database_in_use": "fails the start",
    "bad_anchor": "a command says it",
    "bad_ip_countries": "fails the start",
    "not_sealed_yet": "a command says it",
    "mail_not_resendable": "a command says it",
    "cannot_be_proved": "a command says it",
    "anchor_not_kept": "is logged and tried again",
    "experiment_changed": "fails the start; a command says it",
    "error": "the base class; answers as internal_error",
    "bad_interval": "the YAML and the route check the form",
    "beyond_calendar": "a job's",
    "outside_period": "a use case's",
    "imported_before": "a command's",
    "message_not_sent": "is kept with the attempt, and tried again",
    "migration_failed": "fails the start",
    "restore_refused": "a command's",
    "move_failed": "a command says it",
    "other_keys": "fails the start",
    "last_owner": "the console and a command say it",
    "provider_away": "the page to sign in says it",
    "shop_has_moved": "fails the start",
    "target_not_empty": "a command says it",
    "unknown_tables": "a command says it",
    "wrong_mode": "fails the start",
}


@pytest.mark.parametrize("page", ["README.md", "docs/plugins.md"])
def test_every_hook_stands_in_the_table_of(page):
    text = (ROOT / page).read_text()
    assert [hook for hook in HOOKS if f"| `{hook}` |" not in text] == []


def test_no_page_names_a_hook_that_does_not_exist():
    named = set(
        re.findall(
            r"^\| `((?:register|price|assess|customer|on)_\w+)` \|", (ROOT / "docs/plugins.md").read_text(), re.M
        )
    )
    assert named == set(HOOKS)


def test_every_hook_has_a_test():
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [hook for hook in HOOKS if f"def {hook}(self" not in tests] == []


def test_there_are_at_most_thirteen_hooks_and_each_says_what_it_is_for():
    assert len(HOOKS) <= 12
    assert [hook for hook in HOOKS if not getattr(hookspecs, hook).__doc__] == []


def test_every_error_that_a_caller_can_meet_is_documented():
    for package in (
        storefront.core,
        storefront.web,
        storefront_fanfunding,
        storefront_fraud,
        storefront_mail,
        storefront_microtransactions,
        storefront_subscriptions,
    ):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations.versions." not in module.name:
                importlib.import_module(module.name)
    ours = (
        "storefront.core",
        "storefront.web",
        "storefront_fanfunding",
        "storefront_fraud",
        "storefront_mail",
        "storefront_microtransactions",
        "storefront_subscriptions",
    )
    met = {kind.code: kind for kind in kinds_of(StorefrontError) if kind.__module__.startswith(ours)}
    documented = {
        doc.code
        for doc in (*ERRORS, *OF_CONTAINERS, *DELIVERY_ERRORS, *OF_FRAUD, *OF_PAYOUTS, *OF_PLEDGES, *OF_SUBSCRIPTIONS)
    }
    assert sorted(set(met) - documented - set(NEVER_ANSWERED)) == []
    assert sorted(set(NEVER_ANSWERED) & documented) == []


def kinds_of(kind):
    return [kind, *(found for child in kind.__subclasses__() for found in kinds_of(child))]


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("RafflePlugin", "0001"),
        ("MicrotransactionsPlugin", "0002"),
        ("SubscriptionsPlugin", "0008"),
        ("MailPlugin", "0001"),
        ("FanfundingPlugin", "0008"),
        ("FraudPlugin", "0002"),
    ],
)
async def test_the_plugins_migrations_build_the_tables_that_it_writes(raffle, monkeypatch, tmp_path, kind, head):
    name = kind.removesuffix("Plugin").lower()
    monkeypatch.syspath_prepend(raffle)
    plugin = getattr(importlib.import_module(f"storefront_{name}"), kind)
    database = SqliteDatabase(tmp_path / "shop.sqlite", histories=[History(name, plugin.migrations)])
    await database.migrate()

    engine = writing_engine(tmp_path / "shop.sqlite")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda found, kind, _: kind != "table" or f"{found}_".startswith(f"{name}_")},
        )
        differences = alembic.autogenerate.compare_metadata(context, plugin.tables[0].metadata)
    engine.dispose()
    assert differences == []
    assert rows(tmp_path / "shop.sqlite", f"SELECT version_num FROM storefront_version_{name}") == [(head,)]


def rows(path, sql):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_the_wheel_holds_everything_that_runs(tmp_path):
    build("wheel", copy_of_the_tree(tmp_path), tmp_path / "wheels")
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        points = next(archive.read(name).decode() for name in inside if name.endswith("/entry_points.txt"))

    assert "microtransactions = storefront_microtransactions:MicrotransactionsPlugin" in points
    wanted = wanted_files()
    assert {"storefront/web/pages/templates/shop.html", "storefront_microtransactions/kinds.py"} < wanted
    assert sorted(wanted - inside) == []
    assert [name for name in inside if name.startswith(("plugins/", "sdk/", "tests/", "benchmarks/"))] == []


def wanted_files() -> set[str]:
    """Everything under our packages but what Python leaves behind, as the wheel names it."""
    homes = [ROOT, *(ROOT / "plugins").iterdir()]
    packages = [home / package.name for home in homes for package in home.glob("storefront*") if package.is_dir()]
    files = [path for package in packages if package.suffix != ".egg-info" for path in package.rglob("*")]
    return {
        str(path.relative_to(next(home for home in reversed(homes) if path.is_relative_to(home))))
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }


def copy_of_the_tree(folder: Path) -> Path:
    tree = folder / "tree"
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "node_modules")
    for name in ("storefront", "plugins"):
        shutil.copytree(ROOT / name, tree / name, ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    return tree
