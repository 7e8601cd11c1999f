"""What of the plugin's tables is personal: who plays under which name, and the commands that name them.

A seed that nothing was drawn with yet is withheld: whoever knows it knows what the next container gives.
"""

from collections.abc import Sequence

from storefront.core.privacy.register import Held, by
from storefront_microtransactions.deliveries.tables import commands
from storefront_microtransactions.tables import openings, seeds

REGISTER: Sequence[Held] = (
    Held(
        seeds,
        by("customer_id"),
        plain="customer_id sku number commitment run_key run_times made_at",
        withheld="seed",
    ),
    Held(
        openings,
        by("customer_id"),
        kept="client_seed",
        why="The proof that a draw was fair, which needs the buyer's own number: as long as the books.",
        plain="id customer_id sku number seed commitment odds_version run_key run_times drawn gave entry_id "
        "next_commitment opened_at",
    ),
    Held(
        commands,
        by("customer_id"),
        personal="player command last_error",
        plain="id template server customer_id event_id purchase_id "
        "opening_id reversal_id sku stage position online_only state "
        "due_at retry_at attempts lease_id leased_by lease_until canceled_for resend_of created_at updated_at "
        "closed_at",
    ),
)
