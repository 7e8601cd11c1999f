"""``storefront audit prove`` and ``audit seals``: read from the database itself, also while a server writes it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from sqlalchemy import Connection, select

from storefront.cli.choices import Choice
from storefront.cli.output import console, print_json
from storefront.core.clock import SECOND_MS, Clock, iso
from storefront.core.sealing.proof import prove as make_proof
from storefront.core.sealing.seals import StoredSeal, sealing_state
from storefront.core.tables import seals
from storefront.databases import make_database


def prove(choice: Choice, entry_id: str, *, to_seal: int | None, as_json: bool) -> None:
    """Print the proof of an entry as JSON, or what it says for people.

    Raises:
        NotFound, NotSealedYet, CannotBeProved: there is no proof.
    """
    database = make_database(choice.load())
    proof = asyncio.run(database.read(lambda connection: make_proof(connection, entry_id, to_seal=to_seal)))
    if as_json:
        print_json(proof)
        return
    entry, seal, out = proof["entry"], proof["seal"], console()
    out.print(f"[bold]{escape(entry['id'])}[/]  {escape(entry['kind'])} about {escape(entry['about'])}")
    for transfer in entry["transfers"]:
        amount = f"{transfer['amount']:,} {transfer['asset']}"
        out.print(f"  {escape(amount)}  {escape(transfer['source'])} → {escape(transfer['destination'])}")
    last = proof["later"][-1] if proof["later"] else seal
    out.print(
        f"\n[green]Proved:[/] it is entry {proof['index'] + 1} of {seal['entries']} in seal {seal['number']}, "
        f"closed {iso(seal['sealed_at'])}."
    )
    out.print(f"Seal {last['number']} vouches for it and has the hash\n  [bold]{proof['hash']}[/]")
    out.print(
        f"[dim]For somebody else: storefront audit prove {escape(entry['id'])} --json > proof.json, "
        "and docs/verify_proof.py[/]"
    )


def list_seals(choice: Choice, *, last: int, as_json: bool) -> None:
    """Print the newest seals, newest first, and what waits."""
    facts = asyncio.run(make_database(choice.load()).read(lambda connection: _facts(connection, last)))
    if as_json:
        print_json(facts)
        return
    out = console()
    for line in _lines(facts["seals"]) or ["No seal has been closed yet."]:
        out.print(line)
    waiting, age = facts["unsealed"]["entries"], facts["unsealed"]["oldest_seconds"]
    out.print(f"{waiting:,} entries wait for their seal, the oldest for {age:,} s." if waiting else "All is sealed.")


def _lines(shown: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a heading and one line per seal. Not a table of Rich's, which cuts cells to the terminal's width."""
    cells = [("seal", "entries", "so far", "closed", "hash")]
    for one in shown:
        numbers = (str(one["number"]), f"{one['entries']:,}", f"{one['entries_so_far']:,}")
        cells.append((*numbers, one["sealed_at"][:19] + "Z", one["hash"]))
    seal, entries, so_far, closed, _ = (max(map(len, column)) for column in zip(*cells, strict=True))
    lines = [f"{a:>{seal}}  {b:>{entries}}  {c:>{so_far}}  {d:<{closed}}  {e}" for a, b, c, d, e in cells]
    return lines if shown else []


def _facts(connection: Connection, last: int) -> dict[str, Any]:
    newest = select(seals).order_by(seals.c.number.desc()).limit(last)
    found = [StoredSeal.of_row(row) for row in connection.execute(newest).mappings()]
    state = sealing_state(connection)
    oldest = state.oldest_unsealed_at
    return {
        "seals": [_shown(one) for one in found],
        "unsealed": {
            "entries": state.unsealed,
            "oldest_seconds": None if oldest is None else max(0, Clock().wall() - oldest) // SECOND_MS,
        },
    }


def _shown(stored: StoredSeal) -> dict[str, Any]:
    return {**stored.seal.header, "sealed_at": iso(stored.seal.sealed_at), "hash": stored.hash.hex()}
