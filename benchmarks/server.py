"""A benchmark's server as a process of its own, and the tokens of its customers."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

ROOT = Path(__file__).parent.parent


def minted_token(port: int, number: int) -> str:
    """Return a session token of the benchmarks' customer ``number``."""
    wanted = Request(
        f"http://127.0.0.1:{port}/v1/sessions",
        data=json.dumps({"customer": f"bench-{number}"}).encode(),
        headers={"Authorization": "Bearer sk_sandbox_demo", "Content-Type": "application/json"},
    )
    with urlopen(wanted) as answer:
        return str(json.load(answer)["token"])


@contextmanager
def serving(command: list[str], environ: dict[str, str]) -> Iterator[int]:
    """Run a server that prints its port; it is over, and all that writes to its output, when the block is left."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environ, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{shlex.join(command)} did not start")
        yield int(line)
    finally:
        process.terminate()
        process.communicate()
