"""A simulated year of a shop with six planted attack patterns, and what rules and scores find of them."""
