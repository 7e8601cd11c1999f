"""``pgbench`` with the same purchase as one function call: what PostgreSQL does when nothing stands before it."""

import asyncio
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import msgspec

from benchmarks.bulk import SKU
from benchmarks.plans import purchase_plans
from storefront.core.commit.plan import Insert
from storefront.core.services import Services

FUNCTION = (Path(__file__).parent / "purchase.sql").read_text()
SECONDS = 6


def is_installed() -> bool:
    return shutil.which("pgbench") is not None


async def prepare(url: str, services: Services, customer_ids: Sequence[str]) -> None:
    """Make the function in a database, with the constants of a real purchase for it to write."""
    plan = (await purchase_plans(services, customer_ids[:1], 1, prefix="sample"))[0]
    row = next(step.row for step in plan.list if isinstance(step, Insert) and step.table == "purchases")
    answer = msgspec.json.encode({**row, "customer": {"id": "bench-0", "changed": {"items": [dict(row)]}}})
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DROP TABLE IF EXISTS bench_customers, bench_sample")
        await connection.execute(FUNCTION)
        rows = list(enumerate(customer_ids))
        await connection.copy_records_to_table("bench_customers", records=rows, columns=("number", "id"))
        await connection.execute(
            "INSERT INTO bench_sample VALUES ($1, $2, $3, $4)", SKU, row["catalog_version"], row["lines"], answer
        )
    finally:
        await connection.close()


def run(url: str, clients: int, customers: int) -> float:
    """Return how many calls a second ``clients`` connections make, each for a customer by chance."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(f"\\set number random(0, {customers - 1})\nSELECT bench_purchase(:number);\n")
        script.flush()
        command = ["pgbench", "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=2",
                   f"--time={SECONDS}", f"--file={script.name}", url]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if done.returncode or found is None or re.search(r"failed transactions: [1-9]", done.stdout):
        raise SystemExit(f"pgbench failed: {done.stdout}{done.stderr}")
    return float(found[1])


async def count_purchases(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM purchases"))
    finally:
        await connection.close()


def count(url: str) -> int:
    return asyncio.run(count_purchases(url))
