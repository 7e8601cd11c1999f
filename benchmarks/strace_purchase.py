"""``python -m benchmarks.strace_purchase``: show that a purchase's commit is on the disk before its answer is sent.

Serves the benchmarks' shop under ``strace``, buys over HTTP one by one, and looks at the system calls of each
purchase between the read of its request and the write of its answer. Prints those of the last one, with the
data folder as ``./data`` and threads by what they do. Exit code 1 if an answer came before its sync.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from http.client import HTTPConnection
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from benchmarks.plans import shop_environment
from benchmarks.servers import announced, tokens

TRACED = "read,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync"
_CALL = re.compile(r"(?P<thread>\d+) +(?P<text>(?:<\.\.\. )?(?P<name>\w+)(?P<resumed> resumed>)?.*)")
_RECEIVING, _SENDING = ("read", "recvfrom", "recvmsg"), ("write", "writev", "sendto", "sendmsg")


class Call(NamedTuple):
    """One line of the trace; a call that other threads' calls interrupt has a line for its end, too."""

    thread: str
    name: str
    text: str
    is_end: bool

    @property
    def is_request(self) -> bool:
        return self.name in _RECEIVING and '"POST /v1/purchases ' in self.text

    @property
    def is_answer(self) -> bool:
        return self.name in _SENDING and '"HTTP/1.1 201 ' in self.text


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.strace_purchase", description=__doc__)
    parser.add_argument("--purchases", type=int, default=100, help="how many to look at")
    wanted = parser.parse_args().purchases
    if shutil.which("strace") is None:
        raise SystemExit("strace is not installed")
    with tempfile.TemporaryDirectory(prefix="storefront-strace-") as folder:
        trace = Path(folder) / "trace"
        _buy_one_by_one(wanted, Path(folder) / "data", trace)
        purchases = _purchases(_read(trace, Path(folder)))
    if not purchases:
        raise SystemExit("the trace shows no purchase")
    late = [number for number, calls in enumerate(purchases) if not _is_synced_first(calls)]
    syncs = sum(_is_end_of_sync(calls, at) for calls in purchases for at in range(len(calls)))
    print("\n".join(_shown(purchases[-1])))
    print(f"\n{len(purchases)} purchases, {syncs} syncs of the log between request and answer; "
          f"{len(late)} answers before their sync")  # fmt: skip
    return 1 if late or len(purchases) != wanted else 0


def _buy_one_by_one(count: int, data: Path, trace: Path) -> None:
    # -D: the server is our own child, and strace its grandchild; -y: names of files beside their numbers.
    strace = ["strace", "-D", "-f", "-y", "-s", "48", "-e", f"trace={TRACED}", "-o", str(trace)]
    command = [*strace, sys.executable, "-m", "benchmarks.shop"]
    with announced(command, shop_environment(data, None)) as server:
        token = tokens(server, ["bench-0"])[0]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection = HTTPConnection("127.0.0.1", server.port)
        for number in range(count):
            body = json.dumps({"sku": "health-potion"})
            connection.request("POST", "/v1/purchases", body, {**headers, "Idempotency-Key": f"strace-{number}"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 201:
                raise SystemExit(f"purchase {number} was answered {answer.status}")
        connection.close()


def _read(trace: Path, folder: Path) -> list[Call]:
    calls = []
    for line in trace.read_text().splitlines():
        found = _CALL.match(line)
        if found is not None:
            text = found["text"].replace(str(folder), ".")
            calls.append(Call(found["thread"], found["name"], text, "<unfinished" not in text))
    return calls


def _purchases(calls: Sequence[Call]) -> list[list[Call]]:
    """Split the trace: of each purchase the calls from its request to its answer, both included."""
    purchases: list[list[Call]] = []
    begin: int | None = None
    for at, call in enumerate(calls):
        if call.is_request:
            begin = at
        elif call.is_answer and begin is not None:
            purchases.append(list(calls[begin : at + 1]))
            begin = None
    return purchases


def _is_synced_first(calls: Sequence[Call]) -> bool:
    """Tell whether the log was written, and a sync of it ended after its last write (and before the answer)."""
    writes = [at for at, call in enumerate(calls) if call.name == "pwrite64" and "-wal>" in call.text]
    return bool(writes) and any(_is_end_of_sync(calls, at) for at in range(writes[-1], len(calls)))


def _is_end_of_sync(calls: Sequence[Call], at: int) -> bool:
    """Tell whether this line is the successful end of a sync of the log, begun on it or on an earlier one."""
    call = calls[at]
    if call.name not in ("fdatasync", "fsync") or not call.is_end or not call.text.endswith("= 0"):
        return False
    begins = (one for one in reversed(calls[: at + 1]) if one.thread == call.thread and "resumed>" not in one.text)
    begin = next(begins, None)
    return begin is not None and "-wal>" in begin.text


def _shown(calls: Sequence[Call]) -> list[str]:
    """Return the calls on the buyer's connection and on the database, without the bytes that are written there."""
    buyer = calls[0].text.partition("(")[2].partition(",")[0]
    lines, under_way = [], set()
    for call in calls:
        is_ours = "storefront.sqlite" in call.text or f"({buyer}" in call.text
        if is_ours or call.thread in under_way:
            thread = "loop  " if call.thread == calls[0].thread else "writer"
            lines.append(f"{thread}  " + re.sub(r'(pwrite64\(\S+), "(?:[^"\\]|\\.)*"\.*', r"\1, …", call.text))
        under_way.discard(call.thread)
        if is_ours and not call.is_end:
            under_way.add(call.thread)
    return _folded(lines)


def _folded(lines: Sequence[str]) -> list[str]:
    """Leave the first and the last two of a long row of writes."""
    folded: list[str] = []
    for is_write, row in groupby(lines, lambda line: "pwrite64(" in line):
        found = list(row)
        if is_write and len(found) > 5:
            found[2:-2] = [f"        … {len(found) - 4} more writes"]
        folded.extend(found)
    return folded


if __name__ == "__main__":
    sys.exit(main())
