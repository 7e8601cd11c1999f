"""The control page: what a creator sees and does beside their stream, on a phone or a second screen."""
