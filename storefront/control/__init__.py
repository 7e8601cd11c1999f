"""What an operator may ask of a shop from the shell: the same use cases in a running server and without one.

A running server answers on ``<data>/control.sock``, a socket that only its owner can open (0600): whoever
reaches it has an operator's rights. Without a server a command opens the database itself, under its lock.
A question is the name of an operation with a JSON object; so is the answer.
"""
