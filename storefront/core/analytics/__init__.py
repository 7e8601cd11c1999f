"""Analytics: what entries and events come to by day, and the figures that are read from that."""
