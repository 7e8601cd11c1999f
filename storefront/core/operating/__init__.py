"""What an operator looks at and does, for the shell, the operator's routes and the metrics alike.

Everything is found and done by the shop's own use cases; nothing here knows who asks.
"""
