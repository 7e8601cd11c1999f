"""The access log says which operator asked, not from which network."""

import io
import json

from storefront.web.logs import configure_logging


async def test_operators_stand_in_the_access_log_by_their_id(shop, signed_in):
    support, written = await signed_in(shop, "support"), io.StringIO()
    configure_logging("debug", "json", stream=written)
    try:
        await support.get("/console/purchases")
    finally:
        configure_logging("warning")
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    callers = [line["caller"] for line in lines if line.get("route") == "/console/purchases"]
    named = shop.query("SELECT id FROM operators")[0]["id"]
    assert callers == [f"operator:{named}"]
