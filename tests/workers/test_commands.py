"""Commands on a shop in PostgreSQL that nobody serves, and what they say where there is no such thing."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from storefront.testing import TINY_SHOP
from tests.cli.conftest import Told, process, storefront
from tests.signing import heart_of, new_signing_key

PASSWORD = "a-canary-password"
SIGNING = {"NEW_KEY": new_signing_key(), "OLD_KEY": new_signing_key()}
MADE_KEY = "${file:data/keys/signing-1.pem}"


class Folder:
    """A data folder with the YAML of a shop."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.sign_with()

    def run(self, database: str, *arguments: str) -> Told:
        """Run a command on the shop in a database."""
        environ = {"DATA": str(self.path / "data"), "DATABASE_URL": database, **SIGNING}
        run = process if arguments[0] == "serve" else storefront  # who serves needs a main thread of its own
        return run(*arguments, "--config", self.path / "shop.yaml", **environ)

    def sign_with(self, *references: str) -> None:
        """Put these into ``signing.keys``; without any, leave the section out."""
        section = f"signing: {json.dumps({'keys': references})}\n" if references else ""
        (self.path / "shop.yaml").write_text(TINY_SHOP + "database: {url: '${DATABASE_URL}'}\n" + section)


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path / "here")


def test_everything_can_be_asked_without_a_server(folder, postgres_database):
    def run(*arguments):
        told = folder.run(postgres_database, *arguments)
        assert told.returncode == 0, told.stderr
        return told.stdout

    assert "not there yet" in run("migrate", "--status")
    nothing = folder.run(postgres_database, "audit", "verify")
    assert (nothing.returncode, "There is no shop in postgresql://" in nothing.stderr) == (1, True)
    assert "up to date" in run("migrate")
    assert run("keys", "create", "--kind", "server", "--name", "shell").strip().startswith("sk_")
    assert "shell" in run("keys", "list")
    assert "active" in run("plugins")
    assert "in order" in run("audit", "verify", "--deep")
    assert folder.run(postgres_database, "reload").returncode == 1


def test_a_process_with_other_keys_does_not_start_until_they_are_adopted(folder, tmp_path, postgres_database):
    elsewhere = Folder(tmp_path / "elsewhere")
    assert folder.run(postgres_database, "keys", "list").returncode == 0
    for command in (["serve", "--workers", "2", "--port", "0"], ["serve", "--port", "0"], ["keys", "list"]):
        refused = elsewhere.run(postgres_database, *command)
        assert refused.returncode == 2
        assert "are not those of the shop in this database: its API keys were made with another" in refused.stderr
        assert "storefront keys adopt" in refused.stderr

    assert elsewhere.run(postgres_database, "keys", "adopt").returncode == 0

    assert elsewhere.run(postgres_database, "keys", "list").returncode == 0
    assert folder.run(postgres_database, "keys", "list").returncode == 2


def test_a_new_signing_key_is_taken_by_who_knows_the_old_one(folder, tmp_path, postgres_database):
    elsewhere, keys = Folder(tmp_path / "elsewhere"), folder.path / "data" / "keys"
    assert folder.run(postgres_database, "keys", "list").returncode == 0
    assert elsewhere.run(postgres_database, "keys", "adopt").returncode == 0  # makes keys of its own; not the shop's
    assert folder.run(postgres_database, "keys", "adopt").returncode == 0
    newer = elsewhere.path / "data" / "keys" / "signing-1.pem"
    (keys / "signing-2.pem").write_bytes(newer.read_bytes())

    assert folder.run(postgres_database, "keys", "list").returncode == 0
    (keys / "signing-2.pem").unlink()
    told = folder.run(postgres_database, "keys", "list")
    assert (told.returncode, "signed with a key that is not here" in told.stderr) == (2, True)


def test_configured_signing_keys_take_over_from_whoever_is_still_listed(folder, postgres_database):
    def keys_list(*references):
        folder.sign_with(*references)
        told = folder.run(postgres_database, "keys", "list")
        assert [pem for pem in SIGNING.values() if heart_of(pem) in told.stdout + told.stderr] == []
        return told

    assert keys_list().returncode == 0
    refused = keys_list("${OLD_KEY}")
    assert refused.returncode == 2
    assert "signed with a key that is not here" in refused.stderr
    assert "List that key under signing.keys, too" in refused.stderr
    assert f"${{file:{folder.path}/data/keys/signing-1.pem}}" in refused.stderr
    assert "copy the folder" not in refused.stderr

    assert keys_list("${OLD_KEY}", MADE_KEY).returncode == 0
    assert keys_list("${OLD_KEY}", "${NEW_KEY}").returncode == 0
    assert keys_list("${NEW_KEY}", "${OLD_KEY}").returncode == 0
    assert keys_list("${OLD_KEY}", "${NEW_KEY}").returncode == 0  # a server that is not changed over yet restarts
    assert keys_list("${NEW_KEY}", "${OLD_KEY}").returncode == 0
    assert keys_list("${NEW_KEY}").returncode == 0
    for workers in (["--workers", "2"], []):
        folder.sign_with("${OLD_KEY}")
        told = folder.run(postgres_database, "serve", *workers, "--port", "0")
        assert (told.returncode, "List that key under signing.keys, too" in told.stderr) == (2, True)
    refused = keys_list()
    assert refused.returncode == 2
    assert "or list the keys that the others have under signing.keys" in refused.stderr
    assert keys_list("${NEW_KEY}").returncode == 0


def test_lost_signing_keys_are_given_up_by_adopting_others(folder, postgres_database):
    folder.sign_with("${OLD_KEY}")
    assert folder.run(postgres_database, "keys", "list").returncode == 0
    folder.sign_with("${NEW_KEY}")
    assert folder.run(postgres_database, "keys", "list").returncode == 2

    assert folder.run(postgres_database, "keys", "adopt").returncode == 0

    assert folder.run(postgres_database, "keys", "list").returncode == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"netloc": f"storefront:{PASSWORD}@127.0.0.1:1"}, "cannot be reached"),
        ({"netloc": f"storefront:{PASSWORD}@nowhere.invalid"}, "cannot be reached"),
        ({"path": "/no_such_database"}, 'database "no_such_database" does not exist'),
        ({"password": PASSWORD}, "password authentication failed"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_in_one_line_without_the_password(
    folder, postgres_database, change, reason
):
    parts = urlsplit(postgres_database)
    if "password" in change:
        change = {"netloc": f"{parts.username}:{PASSWORD}@{parts.hostname}:{parts.port}"}
    url = parts._replace(**change).geturl()
    for command in (["serve", "--workers", "2", "--port", "0"], ["audit", "verify"], ["migrate", "--status"]):
        told = folder.run(url, *command)

        assert told.returncode == 1
        assert len(told.stderr.strip().splitlines()) == 1
        assert reason in told.stderr
        assert PASSWORD not in told.stderr + told.stdout
        assert parts.password not in told.stderr + told.stdout


def test_several_workers_on_a_file_are_refused_with_the_reason(tmp_path):
    (tmp_path / "shop.yaml").write_text(TINY_SHOP)

    told = storefront("serve", "--workers", "2", "--config", tmp_path / "shop.yaml", DATA=str(tmp_path / "data"))

    assert told.returncode == 2
    assert "A SQLite file is served by one process" in told.stderr
    assert not (tmp_path / "data" / "storefront.sqlite").exists()
