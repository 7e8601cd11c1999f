import io, csv, json, pytest
from pathlib import Path
from storefront.testing import running_shop
import pyarrow.parquet as pq
async def test_all(tmp_path):
    text = Path("config.example.yaml")
    async with running_shop(tmp_path, text) as shop:
        await shop.bought("gems-500") if False else None
        op = shop.bearing("ak_sandbox_demo")
        a = await op.get("/v1/exports")
        for one in a.json["data"]:
            for f in ("csv","jsonl","parquet"):
                async with shop.http.get(f"/v1/exports/{one['list']}", params={"format": f}, headers={"Authorization": "Bearer ak_sandbox_demo"}) as r:
                    body = await r.read()
                    assert r.status == 200, (one["list"], body)
                    if f=="parquet": n = pq.read_table(io.BytesIO(body)).num_rows
                    elif f=="csv": n=len(list(csv.DictReader(io.StringIO(body.decode()))))
                    else: n=len(body.splitlines())
            print(one["list"], n, r.headers.get("Content-Disposition"), r.headers.get("Vary"))
