"""What of containers and deliveries moves when two customers become one.

What was opened is a chain of commitments of one customer and container, so it and the next secret stay where they are;
a command goes to the player whom it was made for, whoever that is here.
"""

from storefront.core.commit.merging import Moves
from storefront_microtransactions.deliveries.rows import anchor_of
from storefront_microtransactions.deliveries.tables import commands
from storefront_microtransactions.tables import seeds

MOVES: tuple[Moves, ...] = (
    Moves(seeds, is_kept=True),
    Moves(commands, anchor=lambda row: anchor_of(row["server"])),
)
