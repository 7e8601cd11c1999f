"""Delivery to game servers: what a purchase does there, as commands that take effect once."""
