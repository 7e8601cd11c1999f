"""What ``serve`` shows of itself: with several workers, how many."""

import time

import pytest

from storefront.cli.banner import announce

FACTS = {
    "shop": "Tiny shop", "mode": "sandbox", "public_url": "http://shop.example", "url": "http://127.0.0.1:1",
    "sandbox": None, "data": "data", "plugins": [],
}  # fmt: skip


@pytest.mark.parametrize(("workers", "shown"), [(None, None), (1, "1 process"), (3, "3 processes")])
def test_the_banner_names_the_workers(
    workers: int | None, shown: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(FACTS, began=time.monotonic(), workers=workers)

    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    told = [line[1] for line in lines if line and line[0] == "Workers"]
    assert told == ([] if shown is None else [shown])
