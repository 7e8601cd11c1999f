"""Merging two customers: one player, who had two accounts, has one (docs/customers.md, decision 37)."""
