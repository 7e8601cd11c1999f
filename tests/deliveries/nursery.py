"""Starts ``examples/game_server.py`` again and again without loading Python anew: forks at each line of stdin.

A line is the program's arguments as JSON; the answer is the child's pid. Children are ordinary processes to be killed.
"""

import asyncio
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "game_server.py"
spec = importlib.util.spec_from_file_location("game_server", EXAMPLE)
assert spec is not None
assert spec.loader is not None
game_server = importlib.util.module_from_spec(spec)
spec.loader.exec_module(game_server)

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    url, server, journal = json.loads(line)
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)  # the pipe to the test is the parent's
        asyncio.run(game_server.main(url, server, Path(journal)))
        os._exit(0)
    print(child, flush=True)
