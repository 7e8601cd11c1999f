"""Outgoing webhooks: committed events, brought to addresses that an operator registered, signed and at least once.

``endpoints`` are who gets them, ``deliveries`` what became of each event there, ``dispatching`` brings them,
``schedule`` says when a failed one is tried again, ``secrets`` what they are signed with. The guide: docs/webhooks.md.
"""
