"""Files that are not what a command takes them for: a sentence and an exit code, never a traceback."""

import os

import pytest

from storefront.testing import TINY_SHOP

from .conftest import process, storefront

COMMANDS = (
    ["check", "--against-live"],
    ["audit", "verify"],
    ["backup"],
    ["migrate", "--status"],
    ["migrate"],
    ["customers", "show", "ada"],
)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(TINY_SHOP)
    return path


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_that_is_no_database_is_said_in_a_sentence(tmp_path, config, command):
    data = tmp_path / "data"
    data.mkdir()
    (data / "storefront.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 40)

    told = storefront(*command, "-c", config, "-d", data)

    assert told.returncode == 1
    assert told.stderr == (
        "error: The database cannot be used: file is not a database. `storefront restore` brings a copy back.\n"
    )


def test_a_configuration_that_links_to_itself_cannot_be_read(tmp_path):
    path = tmp_path / "shop.yaml"
    path.symlink_to(path)

    told = storefront("check", path)

    assert told.returncode == 2
    assert f"{path}:1:1 {path} cannot be read: Too many levels of symbolic links" in told.stderr


def test_a_configuration_without_an_end_is_too_large():
    told = process("check", "/dev/zero")

    assert told.returncode == 2
    assert "/dev/zero:1:1 the file is larger than 1048576 bytes" in told.stderr


def test_a_configuration_may_come_through_a_pipe(tmp_path):
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as pipe:
        pipe.write(TINY_SHOP)

    told = storefront("check", f"/dev/fd/{reader}", DATA=str(tmp_path))
    os.close(reader)

    assert (told.returncode, "is in order." in told.stdout) == (0, True)


def test_experiments_are_listed_without_a_server_too(tmp_path, config):
    data = tmp_path / "data"
    assert storefront("migrate", "-c", config, "-d", data).returncode == 0
    variants = "{control: {weight: 1}, half: {weight: 1, prices: {gems: 60}}}"
    config.write_text(f"{TINY_SHOP}experiments: {{cheap: {{offer: sword, variants: {variants}}}}}\n")

    listed = storefront("experiments", "-c", config, "-d", data)
    shown = storefront("experiments", "cheap", "-c", config, "-d", data)

    assert (listed.returncode, listed.stdout) == (0, "There are no experiments: docs/experiments.md\n")
    assert (shown.returncode, shown.stderr) == (1, "error: There is no such experiment.\n")


def test_an_argument_that_is_no_text_is_refused(tmp_path, config):
    told = storefront("webhooks", "test", "\udcff", "-c", config, "-d", tmp_path / "data")

    assert (told.returncode, told.stderr) == (2, "error: An argument is not UTF-8 text.\n")
