"""What is not checked, and why: invariants whose objects do not exist yet, and those no stored row can show."""

from storefront.core.audit.check import NotYet

NOT_YET = (
    NotYet(
        "L7-real",
        "Clearing and balance equal the gateway's own",
        "that takes the gateway: `storefront reconcile` asks it (L7-gateways checks our copy of its books)",
    ),
    NotYet("I2", "A retry gets the same bytes as the first call", "no stored row can show it; tests do"),
    NotYet(
        "E2-chain",
        "What passed on a unique item is one chain of owners",
        "nothing checks the chain yet (E1-instances checks each owner, E1-transfers each transfer)",
    ),
    NotYet("S7-erasure", "Nothing is charged after an erasure", "customers cannot be erased yet"),
    NotYet(
        "W4",
        "Every charge, refund and dispute at the gateway is known here, and the other way round",
        "that takes the gateway: `storefront reconcile` compares both",
    ),
    NotYet(
        "W1-signatures, W3",
        "Events were signed, fresh and of our account; their order does not matter",
        "no stored row can show it; tests do",
    ),
    NotYet(
        "W5-alarms",
        "What was taken back beyond what was received has its alarm",
        "nothing checks it yet (L5 and L10-gateway check the sums)",
    ),
    NotYet(
        "O2-complete, O3, O4",
        "No endpoint misses an event; ids, signatures and addresses of deliveries",
        "no stored row can show it; tests do",
    ),
    NotYet(
        "P3-destination",
        "Another destination of payouts waits, and takes a second factor",
        "it stands in the operator's file alone; each payout keeps the one that it went to",
    ),
    NotYet(
        "A2-plugins",
        "Plugin installs have audit rows",
        "plugins are installed in the machine's shell, beside the shop",
    ),
    NotYet("A3", "Nothing personal is left after an erasure", "customers cannot be erased yet"),
    NotYet("A4", "No secret appears in logs and errors", "no stored row can show it; tests do"),
    NotYet("A5", "A restored backup equals its source", "no stored row can show it; `restore` compares, and tests do"),
)
