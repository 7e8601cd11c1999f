"""What is not checked, and why: invariants whose objects do not exist yet, and those no stored row can show."""

from storefront.core.audit.check import NotYet

NOT_YET = (
    NotYet("L7-real", "Clearing and balance equal the gateway's", "there is no reconciliation with gateways yet"),
    NotYet("I2", "A retry gets the same bytes as the first call", "no stored row can show it; tests do"),
    NotYet("E2", "A unique item has one owner and one chain of owners", "there are no unique items yet"),
    NotYet("E3-promos", "Promo codes are counted with the purchases they discount", "there are no promo codes yet"),
    NotYet("S1–S7", "Subscription periods, charges, proration, dunning", "there are no subscriptions yet"),
    NotYet("W1–W5", "Gateway events and payments match ours", "there is no reconciliation with gateways yet"),
    NotYet("O1–O4", "Outgoing webhooks are delivered or dead, never lost", "there are no outgoing webhooks yet"),
    NotYet("P1–P4", "Payouts stay within earnings", "there are no payouts yet"),
    NotYet(
        "A2-roles",
        "Role changes and plugin installs have audit rows",
        "nobody can change roles or install plugins here yet",
    ),
    NotYet("A3", "Nothing personal is left after an erasure", "customers cannot be erased yet"),
    NotYet("A4", "No secret appears in logs and errors", "no stored row can show it; tests do"),
    NotYet("A5", "A restored backup equals its source", "no stored row can show it; `restore` compares, and tests do"),
)
