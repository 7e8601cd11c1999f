"""The drill: back up a shop while it sells, restore it elsewhere, prove that it is the same; refuse what is damaged."""

import asyncio
import json
import sqlite3
import stat
import zipfile
from contextlib import closing

import pytest

from storefront.core.backups.manifest import read_position
from storefront.core.events import write_cursor
from storefront.core.sqlite_database import read_file
from storefront.core.tables import events
from storefront.testing import TINY_SHOP, running_shop

from .conftest import process, storefront

CUSTOMERS = [f"player-{number}" for number in range(6)]


@pytest.fixture(scope="module")
def drill(tmp_path_factory):
    """A shop that went on selling while it was backed up: its folder, what the backup told, purchases in all."""
    folder = tmp_path_factory.mktemp("drill")
    return folder, *asyncio.run(sell_and_back_up(folder))


async def sell_and_back_up(folder):
    async with running_shop(folder) as shop:
        done = asyncio.Event()
        bought = []

        async def play(customer):
            while not done.is_set():
                bought.append(await shop.bought("gems-500", customer=customer))
                bought.append(await shop.bought("potion", customer=customer))

        async with asyncio.TaskGroup() as players:
            for customer in CUSTOMERS:
                players.create_task(play(customer))
            await shop.until(lambda: len(bought) >= 10)
            before = len(bought)
            arguments = ["backup", "-c", folder / "shop.yaml", "-d", folder / "data", "-o", folder / "shop.zip"]
            told = await asyncio.to_thread(process, *arguments, "--deep", "--json")
            during = len(bought) - before
            done.set()
    assert told.returncode == 0, told.stderr
    assert during > 0, "nothing was bought meanwhile"
    return json.loads(told.stdout), len(bought)


async def test_what_is_restored_is_what_was_backed_up_at_its_position(drill, tmp_path):
    folder, facts, bought = drill
    position = facts["manifest"]["position"]

    told = storefront("restore", folder / "shop.zip", "-c", folder / "shop.yaml", "-d", tmp_path / "data", "--json")

    restored = json.loads(told.stdout)
    found = await read_file(tmp_path / "data/storefront.sqlite", read_position)
    assert restored["position"] == position
    begun = {**position["counts"], "settings": position["counts"]["settings"] + 1}  # the new epoch of commit numbers
    assert (found.last_commit_no, dict(found.counts)) == (position["last_commit_no"], begun)
    assert 10 <= position["counts"]["purchases"] < bought
    assert restored["audit"]["clean"] is True
    assert events_of(folder / "data", position["last_commit_no"]) == events_of(tmp_path / "data", 2**62)
    for path in [*(tmp_path / "data").glob("*.sqlite"), *(tmp_path / "data/keys").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def events_of(data, last_commit_no: int) -> list[tuple]:
    sql = "SELECT * FROM events WHERE commit_no <= ? ORDER BY commit_no, anchor, sequence"
    with closing(sqlite3.connect(f"file:{data}/storefront.sqlite?mode=ro", uri=True)) as connection:
        return connection.execute(sql, (last_commit_no,)).fetchall()


async def test_the_restored_shop_sells_on_and_knows_its_customers(drill, tmp_path):
    folder, _, _ = drill
    storefront("restore", folder / "shop.zip", "-c", folder / "shop.yaml", "-d", tmp_path / "data")

    async with running_shop(tmp_path) as shop:
        before = shop.balance("customer:player-0:gems")
        await shop.bought("gems-500", customer="somebody new")
        assert shop.balance("customer:somebody new:gems") == 500
        # What was paid, but not settled when the backup was made, the sandbox tells again: it may be more by now.
        assert shop.balance("customer:player-0:gems") >= before > 0


async def test_anchors_of_what_was_lost_are_not_held_against_what_is_restored(tmp_path):
    config = TINY_SHOP + "audit: {anchors: [{file: '${DATA}/anchors.jsonl'}], every_seconds: 1}\n"
    async with running_shop(tmp_path, config) as shop:
        await shop.bought("gems-500")
        await shop.parts.sealer.seal_all()
        await shop.until((tmp_path / "data/anchors.jsonl").exists)
        made = await asyncio.to_thread(
            storefront, "backup", "-c", tmp_path / "shop.yaml", "-d", tmp_path / "data", "-o", tmp_path / "shop.zip"
        )
        await shop.bought("sword")
        await shop.parts.sealer.seal_all()
        await shop.until(lambda: len((tmp_path / "data/anchors.jsonl").read_text().splitlines()) >= 2)
    assert made.returncode == 0, made.stderr

    at = ["-c", tmp_path / "shop.yaml", "-d", tmp_path / "data"]
    restored = storefront("restore", tmp_path / "shop.zip", "--force", *at)
    async with running_shop(tmp_path, tmp_path / "shop.yaml") as shop:
        await shop.bought("potion")
        await shop.parts.sealer.seal_all()
        await shop.until(lambda: len((tmp_path / "data/anchors.jsonl").read_text().splitlines()) >= 3)
    verified = storefront("audit", "verify", *at)

    assert restored.returncode == 0, restored.stderr
    assert verified.returncode == 0, verified.stdout


async def test_a_follower_who_had_seen_what_was_lost_misses_nothing_of_what_comes(drill, tmp_path):
    folder, facts, _ = drill
    newest = events_of(folder / "data", 2**62)[-1]
    column = {name: newest[n] for n, name in enumerate(events.c.keys())}
    lost = write_cursor((column["commit_no"], column["anchor"], column["sequence"]))
    assert column["commit_no"] > facts["manifest"]["position"]["last_commit_no"]
    storefront("restore", folder / "shop.zip", "-c", folder / "shop.yaml", "-d", tmp_path / "data")

    async with running_shop(tmp_path) as shop:
        await shop.bought("gems-500", customer="somebody new")
        feed = (await shop.as_server().get(f"/v1/events?after={lost}&limit=100")).json["data"]
        stored = shop.query("SELECT id FROM events WHERE commit_no > ?", 1 << 48)

    assert "purchase.completed" in {event["type"] for event in feed}
    assert {event["id"] for event in feed} == {row["id"] for row in stored}


def test_a_backup_is_for_its_owner_only_and_its_manifest_tells_no_secret(drill):
    folder, facts, _ = drill
    with zipfile.ZipFile(folder / "shop.zip") as archive:
        manifest = archive.read("manifest.json").decode()
        names = archive.namelist()
    assert stat.S_IMODE((folder / "shop.zip").stat().st_mode) == 0o600
    assert {"storefront.sqlite", "sandbox.sqlite", "keys/api_keys.pepper", "keys/signing-1.pem"} < set(names)
    assert (folder / "data/keys/sandbox.secret_key").read_text() not in manifest
    assert facts["manifest"] == json.loads(manifest)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def flip_a_byte(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 0x10
    path.write_bytes(raw)


def swap_a_member(path):
    """A whole zip whose books are not those that its manifest names."""
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    books = held["storefront.sqlite"]
    held["storefront.sqlite"] = books[:-1] + bytes([books[-1] ^ 1])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held.items():
            archive.writestr(name, content)


def add_a_member(path):
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../outside", b"x")


def leave_nothing(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [truncate, flip_a_byte, swap_a_member, add_a_member, leave_nothing])
def test_a_damaged_backup_is_refused_and_nothing_is_put_in_place(drill, tmp_path, damage):
    backup = tmp_path / "shop.zip"
    backup.write_bytes((drill[0] / "shop.zip").read_bytes())
    damage(backup)

    told = storefront("restore", backup, "-c", drill[0] / "shop.yaml", "-d", tmp_path / "data")

    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert line.startswith(f"error: {backup} ")
    assert {path.name for path in (tmp_path / "data").iterdir()} <= {"storefront.sqlite.lock", "sandbox.sqlite.lock"}
    assert not (tmp_path / "outside").exists()


def test_a_shop_that_is_there_stays_unless_it_is_moved_aside(drill, tmp_path):
    arguments = ["restore", drill[0] / "shop.zip", "-c", drill[0] / "shop.yaml", "-d", tmp_path / "data"]
    storefront(*arguments)
    old = (tmp_path / "data/storefront.sqlite").stat().st_ino
    (tmp_path / "data/storefront.sqlite-wal").write_bytes(b"of the old books")

    refused, forced = storefront(*arguments), storefront(*arguments, "--force", "--json")

    assert refused.returncode == 1
    assert "There is a shop already" in refused.stderr
    (aside,) = json.loads(forced.stdout)["moved_aside"]
    moved = {path.name for path in (tmp_path / "data" / aside).iterdir()}
    assert moved == {"storefront.sqlite", "storefront.sqlite-wal", "sandbox.sqlite", "keys"}
    assert (tmp_path / "data" / aside / "storefront.sqlite").stat().st_ino == old
    assert not (tmp_path / "data/storefront.sqlite-wal").exists()


def test_a_served_shop_is_never_restored_over(served, drill):
    told = served.ask("restore", drill[0] / "shop.zip", "--force")
    assert told.returncode == 1
    assert f"Process {served.process.pid} already serves" in told.stderr


def test_a_backup_never_overwrites_a_file(served, tmp_path):
    (tmp_path / "there.zip").write_text("mine")
    told = served.ask("backup", "--output", tmp_path / "there.zip")
    assert told.returncode == 1
    assert (tmp_path / "there.zip").read_text() == "mine"


def test_a_backup_of_the_other_mode_is_refused(drill, tmp_path):
    live = tmp_path / "live.yaml"
    live.write_text("shop: {name: Tiny shop}\nmode: live\nweb: {public_url: 'https://shop.example'}\n")
    told = storefront("restore", drill[0] / "shop.zip", "-c", live, "-d", tmp_path / "data")
    assert told.returncode == 1
    assert "is of a shop in sandbox mode" in told.stderr


def test_a_shop_of_an_earlier_revision_is_backed_up_as_it_is_and_restored_as_it_must_be(config, tmp_path):
    from tests.migrations.conftest import DATA, rows

    (tmp_path / "old").mkdir()
    with closing(sqlite3.connect(tmp_path / "old/storefront.sqlite")) as connection:
        connection.executescript((DATA / "0001.sql").read_text())
    backup = tmp_path / "old.zip"

    made = storefront("backup", "-c", config, "-d", tmp_path / "old", "-o", backup, "--json")
    told = storefront("restore", backup, "-c", config, "-d", tmp_path / "new")
    migrated = storefront("migrate", "-c", config, "-d", tmp_path / "old")
    (copy,) = (tmp_path / "old/backups").iterdir()
    again = storefront("restore", copy, "-c", config, "-d", tmp_path / "again")

    assert json.loads(made.stdout)["manifest"]["position"]["revisions"] == {"core": "0001"}
    assert [told.returncode, migrated.returncode, again.returncode] == [0, 0, 0], told.stderr + again.stderr
    for folder in ("new", "old", "again"):
        assert rows(tmp_path / folder / "storefront.sqlite", "SELECT count(*) FROM credits") == [(7,)]


def test_migrate_goes_down_and_up_by_name_and_not_while_the_shop_is_served(config, tmp_path, served):
    data = tmp_path / "data"
    storefront("migrate", "-c", config, "-d", data)

    down = storefront("migrate", "--to", "0001", "--json", "-c", config, "-d", data)
    lost = storefront("migrate", "--to", "base", "-c", config, "-d", data)
    up = storefront("migrate", "--to", "head", "-c", config, "-d", data)
    while_served = served.ask("migrate", "--to", "0001")

    assert json.loads(down.stdout)[0]["current"] == "0001"
    assert (lost.returncode, up.returncode, while_served.returncode) == (1, 0, 1)
    assert "The ledger would lose rows" in lost.stderr
    assert "A server runs on" in while_served.stderr


def test_a_backup_goes_into_no_folder_that_is_not_there(served, tmp_path):
    told = served.ask("backup", "--output", tmp_path / "not-mounted" / "nightly" / "shop.zip")
    assert told.returncode == 1
    assert "There is no such folder to put a backup into" in told.stderr
    assert not (tmp_path / "not-mounted").exists()
