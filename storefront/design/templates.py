"""Templates as all pages have them: everything escaped, no name missing, each compiled once a process."""

from collections.abc import Sequence
from pathlib import Path
from types import CodeType

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket


class _Compiled(BytecodeCache):
    """Keeps what was compiled, by file and the text's digest: a changed template is compiled anew."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._known[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()
"""One for all, as all are compiled with the same settings: those of ``environment``."""


def environment(folders: Sequence[Path]) -> Environment:
    """Return the templates of these folders, the first that has one.

    Everything is escaped unless it is ``Markup``; a name that a view does not have is an error, not a gap.
    """
    return Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_COMPILED,
    )
