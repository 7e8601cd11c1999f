"""``examples/game_server.py`` as a stranger starts it: what goes wrong is said in a sentence, never by a traceback."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from storefront.testing import SERVER_KEY, running_shop
from tests.deliveries.conftest import DELIVERY_SHOP

EXAMPLE = Path(__file__).parents[2] / "examples" / "game_server.py"


async def start(*arguments: str | Path, key: str = SERVER_KEY) -> asyncio.subprocess.Process:
    environ = {**os.environ, "STOREFRONT_KEY": key}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, EXAMPLE, *map(str, arguments), env=environ, stdout=pipe, stderr=pipe, preexec_fn=_hear_ctrl_c
    )


def _hear_ctrl_c() -> None:
    """Take SIGINT as a terminal's program does: what a shell starts in the background is started deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, (out + err).decode()


async def test_a_shop_that_is_away_is_told_and_asked_again(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    process = await start(address, "survival", tmp_path / "world")
    assert process.stderr is not None

    first = [await asyncio.wait_for(process.stderr.readline(), 60) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    code, rest = await ended(process)

    assert all(line.startswith(b"The shop is away, asking again: ") for line in first), first
    assert (code, rest.splitlines()[-1]) == (1, "Stopped.")
    assert "Traceback" not in rest


WRONG = {
    "a key that is none": ("sk_live_wrong", ["survival"], "does not take this key", "Set STOREFRONT_KEY"),
    "a key that may not deliver": ("pk_sandbox_demo", ["survival"], "does not take this key", "Set STOREFRONT_KEY"),
    "a server's name that is none": (SERVER_KEY, ["Not A Name"], "does not answer as a shop with deliveries", "server"),
}


@pytest.mark.parametrize("named", WRONG)
async def test_what_is_wrong_is_said_in_a_sentence(tmp_path, named):
    key, arguments, *words = WRONG[named]
    async with running_shop(tmp_path, DELIVERY_SHOP) as shop:
        code, said = await ended(await start(shop.url, *arguments, tmp_path / "world", key=key))
    assert code == 1
    assert all(word in said for word in words), said
    assert "Traceback" not in said


async def test_arguments_and_journals_that_cannot_be_used_are_named(tmp_path):
    other = tmp_path / "other"
    other.write_text('{"something": "else"}\n')
    for arguments, words in [
        ((), "Say the shop's address"),
        (("http://127.0.0.1:1", "survival", other), "is not a journal of this program"),
        (("http://127.0.0.1:1", "survival", tmp_path / "no" / "folder"), "The journal cannot be written"),
        (("nonsense", "survival", tmp_path / "world"), "That cannot be used"),
    ]:
        code, said = await ended(await start(*arguments))
        assert (code, words in said, "Traceback" in said) == (1, True, False), said
