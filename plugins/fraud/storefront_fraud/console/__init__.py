"""The plugin's part of the operator console: rules, decisions, lists, and what it says of a purchase."""
