"""A proof convinces a stranger with a script of one page, and a tampered one does not."""

import asyncio
import copy
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from storefront.core.audit import verify_database
from storefront.core.sealing.proof import CannotBeProved, NotSealedYet, prove
from storefront.testing import Shop

from .conftest import Books

ROOT = Path(__file__).parents[2]
VERIFIER = ROOT / "docs" / "verify_proof.py"

Proof = dict[str, Any]


class Told(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


async def run(*command: str | Path, **environ: str) -> Told:
    process = await asyncio.create_subprocess_exec(
        *map(str, command), env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return Told(process.returncode, out.decode(), err.decode())


async def check(folder: Path, proof: Proof, *more: str | Path) -> Told:
    """Let a stranger check a proof: nothing of ours can be imported."""
    path = folder / "proof.json"
    path.write_text(json.dumps(proof, indent=2, ensure_ascii=False), "utf-8")
    return await run(sys.executable, "-I", VERIFIER, path, *more)


async def test_every_entry_of_every_seal_can_be_proved(books: Books, tmp_path: Path) -> None:
    ids = [await books.sell(entries=n) for n in (1, 4, 2, 1)]
    await books.sealer.seal_all()
    newest = (await books.seals())[-1]

    for entry_id in (one for several in ids for one in several):
        proof = await books.database.read(lambda connection, entry_id=entry_id: prove(connection, entry_id))
        told = await check(tmp_path, proof, newest.hash.hex())
        assert told == (0, told.stdout, ""), told
        assert f"Proved: entry {entry_id} is in seal" in told.stdout
        assert f"seal {newest.seal.number} has the hash {newest.hash.hex()}" in told.stdout


async def test_a_proof_may_end_with_any_seal_from_its_own_on(books: Books, tmp_path: Path) -> None:
    (entry_id,) = await books.sell()
    await books.sell(entries=8)
    await books.sealer.seal_all()
    hashes = [one.hash.hex() for one in await books.seals()]

    for number in (1, 2, 3):
        proof = await books.database.read(lambda connection, n=number: prove(connection, entry_id, to_seal=n))
        assert proof["hash"] == hashes[number - 1]
        assert len(proof["later"]) == number - 1
        assert (await check(tmp_path, proof, hashes[number - 1])).returncode == 0
        other = await check(tmp_path, proof, hashes[number % 3])
        assert (other.returncode, other.stdout) == (1, "")
        assert other.stderr.startswith(f"NOT PROVED: no anchor knows seal {number} with the hash {hashes[number - 1]}")


def amount(proof: Proof) -> None:
    proof["entry"]["transfers"][0]["amount"] += 1


def draw_taken_out(proof: Proof) -> None:
    proof["entry"]["credits"].append({"position": 0})


def path(proof: Proof) -> None:
    proof["path"][0] = "00" * 32


def path_too_short(proof: Proof) -> None:
    proof["path"].pop()


def path_too_long(proof: Proof) -> None:
    proof["path"].append("00" * 32)


def index(proof: Proof) -> None:
    proof["index"] = 1 - proof["index"] % 2


def index_outside(proof: Proof) -> None:
    proof["index"] = 3


def own_header(proof: Proof) -> None:
    proof["seal"]["sealed_at"] += 1


def later_header(proof: Proof) -> None:
    proof["later"][0]["entries_so_far"] += 1


def later_left_out(proof: Proof) -> None:
    del proof["later"][0]


def last_hash(proof: Proof) -> None:
    proof["hash"] = "00" * 32


@pytest.mark.parametrize(
    ("tamper", "difference"),
    [
        (amount, "entry {entry} is not what seal 1 holds"),
        (draw_taken_out, "entry {entry} is not what seal 1 holds"),
        (path, "entry {entry} is not what seal 1 holds"),
        (path_too_short, "the path to the root is too short"),
        (path_too_long, "the path to the root is too long"),
        (index, "entry {entry} is not what seal 1 holds"),
        (index_outside, "the entry's place is not in its seal"),
        (own_header, "seal 2 breaks the chain"),
        (later_header, "seal 2 counts wrong"),
        (later_left_out, "seal 3 breaks the chain"),
        (last_hash, "the hash of seal 3 is another"),
    ],
)
async def test_a_tampered_proof_is_refused_and_says_what_differs(
    books: Books, tmp_path: Path, tamper: Callable[[Proof], None], difference: str
) -> None:
    entry_id = min(await books.sell(entries=9))
    await books.sealer.seal_all()
    proof = await books.database.read(lambda connection: prove(connection, entry_id))
    assert (await check(tmp_path, proof)).returncode == 0

    tampered = copy.deepcopy(proof)
    tamper(tampered)
    told = await check(tmp_path, tampered)

    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == f"NOT PROVED: {difference.format(entry=entry_id)}\n"


async def test_what_is_not_sealed_or_no_longer_the_same_has_no_proof(books: Books) -> None:
    (entry_id,) = await books.sell()
    with pytest.raises(NotSealedYet):
        await books.database.read(lambda connection: prove(connection, entry_id))
    await books.sealer.seal_all()

    def tamper_and_prove(connection: Any) -> Proof:
        connection.exec_driver_sql("CREATE TEMP TABLE entries AS SELECT * FROM main.entries")
        connection.exec_driver_sql("UPDATE temp.entries SET kind = 'gift'")
        return prove(connection, entry_id)

    with pytest.raises(CannotBeProved, match="does not give what seal 1 holds"):
        await books.database.read(tamper_and_prove)


async def test_a_purchase_is_proved_by_the_commands_while_the_shop_runs(shop: Shop, tmp_path: Path) -> None:
    await shop.bought("gems-500")
    await shop.bought("sword")
    await shop.quiet()
    await shop.parts.sealer.seal_all()
    await shop.restart()
    shop.parts.sealer._patience_seconds = 600.0  # a command may take its time: the shop seals when it is told to
    await shop.bought("potion")
    (sold,) = shop.query("SELECT entry_id FROM purchases WHERE sku = 'sword'")
    (later,) = shop.query("SELECT entry_id FROM purchases WHERE sku = 'potion'")
    environ = {"DATA": str(tmp_path / "data"), "COLUMNS": "40"}
    command = (sys.executable, "-m", "storefront", "audit")
    flags = ("--config", tmp_path / "shop.yaml")

    unsealed = await run(*command, "prove", later["entry_id"], *flags, **environ)
    told = await run(*command, "prove", sold["entry_id"], *flags, **environ)
    nothing = await run(*command, "prove", "ent_no", *flags, **environ)
    await shop.advance("2m")  # a shop that was restarted books what its gateway says a minute later
    await shop.quiet()
    await shop.parts.sealer.seal_all()
    proof = await run(*command, "prove", sold["entry_id"], "--json", *flags, **environ)
    seals = await run(*command, "seals", *flags, **environ)
    as_json = await run(*command, "seals", "--json", *flags, **environ)

    assert told.returncode == 0, told.stderr
    assert "120 gems  customer:" in told.stdout
    assert re.search(r"Proved: it is entry \d of 2 in seal 1", told.stdout), told.stdout
    assert (unsealed.returncode, nothing.returncode) == (1, 1)
    assert "is not sealed yet" in unsealed.stderr
    assert "There is no entry ent_no." in nothing.stderr
    facts = json.loads(as_json.stdout)
    assert [one["number"] for one in facts["seals"]] == [2, 1]
    assert facts["unsealed"] == {"entries": 0, "oldest_seconds": None}
    assert "All is sealed." in seals.stdout
    newest = facts["seals"][0]
    (line,) = [line for line in seals.stdout.splitlines() if newest["hash"] in line]
    assert line.split() == ["2", "2", "4", newest["sealed_at"][:19] + "Z", newest["hash"]]
    checked = await check(tmp_path, json.loads(proof.stdout), facts["seals"][0]["hash"])
    assert checked.returncode == 0, checked.stderr
    assert (await verify_database(shop.parts.database, deep=True)).is_clean


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "usage: verify_proof.py proof.json [anchors.jsonl | HASH]"),
        (["proof.json", "anchors.jsonl", "more"], "usage: verify_proof.py proof.json [anchors.jsonl | HASH]"),
        (["missing.json"], "FileNotFoundError"),
        (["words.txt"], "JSONDecodeError"),
        (["bytes.bin"], "UnicodeDecodeError"),
        (["list.json"], "TypeError"),
        (["object.json"], "KeyError"),
        (["proof.json", ""], "IsADirectoryError"),
        (["proof.json", "missing.jsonl"], "FileNotFoundError"),
        (["proof.json", "words.txt"], "JSONDecodeError"),
    ],
)
async def test_what_cannot_be_read_is_one_line_and_no_verdict(
    books: Books, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (entry_id,) = await books.sell()
    await books.sealer.seal_all()
    proof = await books.database.read(lambda connection: prove(connection, entry_id))
    assert (await check(tmp_path, proof)).returncode == 0
    for name, content in (
        ("words.txt", b"proof"),
        ("bytes.bin", b"\xff{"),
        ("list.json", b"[]"),
        ("object.json", b"{}"),
    ):
        (tmp_path / name).write_bytes(content)

    told = await run(sys.executable, "-I", VERIFIER, *(tmp_path / name if name else name for name in arguments))

    assert (told.returncode, told.stdout) == (2, "")
    assert said in told.stderr
    assert told.stderr.count("\n") == 1


def test_the_verifier_is_short_and_needs_nothing_but_python() -> None:
    source = VERIFIER.read_text("utf-8")

    assert len(source.splitlines()) <= 60
    assert set(re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE)) <= sys.stdlib_module_names
