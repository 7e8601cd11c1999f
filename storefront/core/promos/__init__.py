"""Promo codes: found and judged while a purchase is decided, counted in the commit of the purchase they discount."""
