"""A1-witnesses: a file to which anchors were sent still holds them all; the database knows how many there were."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from sqlalchemy import Connection, select

from storefront.core.audit.check import Check, Violation
from storefront.core.sealing.anchors import Kept
from storefront.core.sealing.witnesses import BEGAN, DATABASE_ID, Sent
from storefront.core.tables import audit_actions, settings

NAME = "A1-witnesses"


@dataclass(frozen=True, slots=True)
class WitnessFile:
    """A file to which the shop sends anchors: its name, its key in the settings, and what it holds now.

    ``kept`` is None if the file is not there.
    """

    name: str
    key: str
    kept: Sequence[Kept] | None


def witnesses_check(files: Sequence[WitnessFile]) -> Check:
    """Return the check of these files."""
    title = "Every file of anchors holds what was sent there"
    return Check(NAME, title, partial(_files_are_whole, files=files), is_deep=False)


def _files_are_whole(connection: Connection, *, files: Sequence[WitnessFile]) -> Iterator[Violation]:
    stored = connection.execute(select(settings.c.key, settings.c.value))
    values = {row.key: row.value for row in stored}
    database = values.get(DATABASE_ID)
    began = _began(connection, database)
    for file in files:
        fault = ""
        if file.key in values:
            fault = _fault(file, Sent.of(values[file.key]), database)
        elif file.key in began:
            fault = "got anchors, but how many is forgotten: its setting is gone"
        if fault:
            yield Violation(NAME, (file.name,), f"{file.name} {fault}")


def _began(connection: Connection, database: str | None) -> set[str]:
    """Return the keys of the witnesses to which anchors of this database went; a restored one is another."""
    statement = select(audit_actions.c.about, audit_actions.c.facts).where(audit_actions.c.action == BEGAN)
    found = ((row.about, msgspec.json.decode(row.facts, type=dict[str, str])) for row in connection.execute(statement))
    return {about for about, facts in found if facts.get("database") == database}


def _fault(file: WitnessFile, sent: Sent, database: str | None) -> str:
    were = f"{sent.count} anchors were sent there, the last of seal {sent.seal}"
    if file.kept is None:
        return f"is gone: {were}"
    found = {one.anchor.seal for one in file.kept if one.anchor.database == database}
    if sent.seal not in found:
        last = f"the last of seal {max(found)}" if found else "none of this database"
        return f"was cut or replaced: {were}; it holds {len(found)}, {last}"
    if len(found) < sent.count:
        return f"lost some of its lines: {were}; it holds {len(found)}"
    return ""
