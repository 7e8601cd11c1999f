"""The core's own pages of the console; plugins add theirs by ``register_routes``."""
