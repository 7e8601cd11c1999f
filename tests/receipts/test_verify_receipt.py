"""The script in the documentation checks a receipt with the published keys, and refuses one that was changed."""

import asyncio
import json
import sys
from pathlib import Path

from storefront.testing import Shop

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_receipt.py"


async def told(folder: Path, token: str) -> tuple[int, str]:
    (folder / "receipt.jws").write_text(token)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SCRIPT),
        str(folder / "receipt.jws"),
        str(folder / "jwks.json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_it_tells_a_good_receipt_from_a_changed_one(taxed: Shop, tmp_path: Path) -> None:
    purchase = await taxed.bought("gems-500")
    await taxed.until(lambda: taxed.query("SELECT 1 FROM receipts"))
    token = (await taxed.as_server().get(f"/v1/purchases/{purchase['id']}/receipt")).json["jws"]
    keys = (await taxed.as_nobody().get("/.well-known/jwks.json")).json
    (tmp_path / "jwks.json").write_text(json.dumps(keys))

    assert await told(tmp_path, token) == (0, "good: TEST-R 1 for 499 USD\n")

    head, body, signature = token.split(".")
    status, words = await told(tmp_path, f"{head}.{body[:-2]}AA.{signature}")
    assert (status, words) == (1, "NOT GOOD: the receipt was altered, or another key signed it\n")
