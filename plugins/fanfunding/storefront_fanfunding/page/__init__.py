"""The tip page: what a fan sees of a creator, and giving a tip by a plain form."""
