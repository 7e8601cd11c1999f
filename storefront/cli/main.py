"""Runs the command and turns what went wrong into one clear line and an exit code.

Exit codes: 0 it worked, 1 it failed or found violations, 2 wrong usage or configuration. A traceback is shown only
with ``STOREFRONT_DEBUG=1``.
"""

import gc
import os
import sys
import time
from typing import NoReturn

OBJECTS_BEFORE_COLLECTING = 1_000_000
"""What is imported makes hundreds of thousands of objects, all of which stay: to look through them again and again
would be a quarter of a start. A command that goes on for longer collects later; a server sets what suits it."""
_OF_THE_CONFIGURATION = frozenset({"wrong_mode", "bad_configured_key", "plugin_failed", "needs_postgres", "other_keys"})


def main() -> NoReturn:
    """Run ``storefront`` with the process's arguments; always ends by ``SystemExit``."""
    began = time.monotonic()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTING)
    from storefront.cli.commands import app  # typer takes a moment: only when it is really run

    try:
        app(prog_name="storefront", obj=began)
    except Exception as error:
        if os.environ.get("STOREFRONT_DEBUG") == "1":
            raise
        sys.exit(_explain(error))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


def _explain(error: Exception) -> int:
    """Print an error for people on stderr and return the exit code."""
    from storefront.cli.output import print_error
    from storefront.core.config import ConfigError
    from storefront.core.errors import StorefrontError

    if isinstance(error, ConfigError):
        from storefront.cli.output import print_mistakes

        print_mistakes(error.mistakes)
        return 2
    if isinstance(error, StorefrontError):
        print_error(error.detail)
        return 2 if error.code in _OF_THE_CONFIGURATION else 1
    if isinstance(error, OSError):
        print_error(_of_the_system(error))
        return 1
    if isinstance(error, UnicodeEncodeError):
        print_error("An argument is not UTF-8 text.")
        return 2
    if (reason := _of_the_database(error)) is not None:
        print_error(f"The database cannot be used: {reason}. `storefront restore` brings a copy back.")
        return 1
    print_error(f"{type(error).__name__}: {error} (STOREFRONT_DEBUG=1 shows where)")
    return 1


def _of_the_database(error: Exception) -> str | None:
    """What a database itself says, without the statement that it was asked; None for any other error."""
    import sqlite3

    from sqlalchemy.exc import DBAPIError

    said = error.orig if isinstance(error, DBAPIError) else error
    return str(said) if isinstance(error, DBAPIError | sqlite3.Error) else None


def _of_the_system(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename is not None else reason
