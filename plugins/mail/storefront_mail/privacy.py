"""What of the plugin's tables is personal: an address, and what of a mail says why it was not sent."""

from collections.abc import Sequence

from storefront.core.privacy.register import ERASED, Held, by
from storefront_mail.tables import addresses, messages

REGISTER: Sequence[Held] = (
    Held(
        addresses,
        by("customer_id"),
        personal="email language token",
        plain="customer_id opted_out_at updated_at",
        goes=True,
        begins=True,
    ),
    Held(
        messages,
        by("customer_id"),
        personal="reason",
        erased={"reason": ERASED},
        plain="id customer_id event_id event_type template message_id state attempts occurred_at updated_at",
    ),
)
