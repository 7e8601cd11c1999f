"""Progress bars on stderr: shown on a terminal only, and only for what takes longer than a moment."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from storefront.cli.output import console

Tell = Callable[[str, float, int | None], None]
"""Called with what is being done, how much is done, and how much there is in all (None: nobody knows); from any
thread."""

QUIET_SECONDS = 2.0
"""What is done sooner shows no bar."""


@contextmanager
def waiting_bar(description: str) -> Iterator[None]:
    """Show that something is under way whose length nobody knows, for as long as the block runs."""
    with progress_bar(total=None) as tell:
        tell(description, 0.0, None)
        yield


@contextmanager
def progress_bar(*, total: int | None = 100) -> Iterator[Tell]:
    """Give a function that tells how far things are, for as long as the block runs."""
    out = console(stderr=True)
    columns = (TextColumn("[dim]{task.description}"), BarColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=out, transient=True, disable=not out.is_terminal)
    task = bar.add_task("", total=total)
    patience = threading.Timer(QUIET_SECONDS, bar.start)
    patience.daemon = True
    patience.start()
    try:
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)
    finally:
        patience.cancel()
        patience.join()
        bar.stop()
