"""A progress bar for what takes longer than a moment, on terminals only."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from storefront.cli.output import console

QUIET_SECONDS = 2.0
"""What is done sooner shows no progress bar."""

Tell = Callable[[str, int, int], None]
"""Called with (what is being done, steps done, steps in all), from any thread."""


@contextmanager
def progress_bar() -> Iterator[Tell]:
    """Show a bar on a terminal once the work takes longer than a moment."""
    out = console(stderr=True)
    columns = (TextColumn("[dim]{task.description}"), BarColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=out, transient=True, disable=not out.is_terminal)
    task = bar.add_task("")
    patience = threading.Timer(QUIET_SECONDS, bar.start)
    patience.daemon = True
    patience.start()
    try:
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)
    finally:
        patience.cancel()
        patience.join()
        bar.stop()
