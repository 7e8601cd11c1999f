"""The plugin's part of the operator console: creators, one of them, their payouts, and what other pages say of tips."""
