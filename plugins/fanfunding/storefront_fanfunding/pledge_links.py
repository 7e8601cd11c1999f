"""Where a pledge's fan is to go: the page on which they save a method, or on which their bank asks them to confirm."""

from storefront.core.payment_methods import show_setup
from storefront.core.purchasing import Status, read_payment, read_purchase
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_fanfunding.campaigns import CHARGING, PENDING


async def setup_page_of(services: Services, pledge: Row) -> str | None:
    """Return where the fan of a pending pledge saves a method; raises ``GatewayFailed``."""
    if pledge["state"] != PENDING or pledge["setup_id"] is None:
        return None
    found = (await show_setup(services, pledge["customer_id"], pledge["setup_id"]))["redirect_url"]
    return None if found is None else str(found)


async def action_of(services: Services, pledge: Row) -> str | None:
    """Return where the fan confirms the charge that is under way, if their bank asks for that."""
    if pledge["state"] != CHARGING or pledge["purchase_id"] in (None, pledge["failed_purchase_id"]):
        return None
    purchase, payment = (await read_purchase(services, pledge["purchase_id"]),
                         await read_payment(services, pledge["purchase_id"]))  # fmt: skip
    is_waiting = purchase["status"] == Status.PENDING and purchase["payment_state"] != "processing"
    return str(payment["redirect_url"]) if payment is not None and payment["redirect_url"] and is_waiting else None
