"""The plugin's part of the operator console: memberships, one membership, and what other pages say of them."""
