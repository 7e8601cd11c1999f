"""The command ``storefront``: everything that an operator does from a shell.

``main`` is the console script. Nothing heavy is imported here: ``--help`` and shell completion are fast, and a
command imports what it needs when it runs.
"""

from storefront.cli.main import main

__all__ = ["main"]
