"""Taking lists out of a shop: what lists there are, reading them row by row, and writing them as a file.

``columns`` and ``lists`` are what a list is declared with; the modules ``of_…`` declare the core's, plugins theirs.
``reading`` reads one in one snapshot, ``formats`` writes it, ``running`` does both for a server.
"""
