"""``storefront sandbox``: the emulator as a process of its own, used by the plain library from another one."""

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import stripe

from tests.cli.conftest import HANG_SECONDS, environment, storefront
from tests.forking import Forked


@contextmanager
def running(*arguments: str, folder: Path | None = None) -> Iterator[str]:
    """Run ``storefront sandbox`` on a free port; gives its address, and stops it well at the end."""
    command = ["sandbox", "--port", "0", *arguments]
    process = Forked(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    watchdog = threading.Timer(HANG_SECONDS, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if "url:" in line:
                break
        found = re.search(r"Payment sandbox +(http://\S+)", told)
        assert found is not None, told
        yield found[1]
        process.terminate()
        assert process.wait(HANG_SECONDS) == 0
    finally:
        watchdog.cancel()
        process.kill()
        process.close()


def test_the_plain_library_uses_an_emulator_that_runs_alone(config, tmp_path):
    (tmp_path / "sandbox.yaml").write_text(
        "settles: [gbp]\nrates: {gbp: '0.50'}\nmisbehave:\n  - {fault: rate_limit, on: GET /v1/charges}\n"
    )
    data = tmp_path / "data"
    arguments = ("--config", str(config), "--data", str(data), "--behaviour", str(tmp_path / "sandbox.yaml"))

    with running(*arguments) as url:
        base = {"api": url, "files": url, "connect": url, "meter_events": url}
        key = (data / "keys" / "sandbox.secret_key").read_text().strip()
        client = stripe.StripeClient(key, base_addresses=base, max_network_retries=0)
        with pytest.raises(stripe.RateLimitError):
            client.v1.charges.list()
        client.v1.payment_intents.create(
            {
                "amount": 2000,
                "currency": "usd",
                "confirm": True,
                "payment_method": "pm_card_visa",
                "return_url": "https://shop.example/back",
            }
        )
        assert [charge.amount for charge in client.v1.charges.list()] == [2000]
        # 20 dollars at 0.50 pounds; 2.9 % of 1000 is 29; and 30.
        assert [(part.currency, part.amount) for part in client.v1.balance.retrieve().pending] == [("gbp", 941)]


def test_it_runs_in_an_empty_folder_without_a_shop(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    with running("--data", "stripe", folder=folder) as url:
        base = {"api": url, "files": url, "connect": url, "meter_events": url}
        key = (folder / "stripe" / "keys" / "sandbox.secret_key").read_text().strip()
        client = stripe.StripeClient(key, base_addresses=base, max_network_retries=0)
        assert client.v1.charges.list().data == []
    assert sorted(one.name for one in folder.iterdir()) == ["stripe"]


def test_a_yaml_that_is_named_must_be_there(tmp_path):
    told = storefront("sandbox", "--port", "0", "--config", tmp_path / "none.yaml", "--data", tmp_path / "data")
    assert told.returncode == 2
    assert "none.yaml" in told.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("settles: [zzz]\n", "known to Stripe"),
        ("colour: red\n", "unknown field `colour`"),
        ("misbehave: [{fault: sulk}]\n", "sulk"),
        ("a: b: c", "mapping values are not allowed"),
    ],
)
def test_a_file_that_makes_no_sense_ends_the_start_with_its_name(config, tmp_path, text, words):
    path = tmp_path / "sandbox.yaml"
    path.write_text(text)

    told = storefront("sandbox", "--port", "0", "--config", config, "--data", tmp_path / "data", "--behaviour", path)

    assert told.returncode != 0
    assert str(path) in told.stderr.replace("\n", "")
    assert words in " ".join(told.stderr.split())
