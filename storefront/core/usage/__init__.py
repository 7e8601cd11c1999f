"""Pay per use: usage events come in, each counts once, drains a wallet or becomes a line of an invoice."""
