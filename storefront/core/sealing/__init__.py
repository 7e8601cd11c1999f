"""Seals: what was booked can be proved later, to anybody, without trusting whoever keeps the database.

``canonical`` says what the bytes of an entry are, ``merkle`` hashes many into one root, ``seals`` is the
chain, ``entries`` reads in commit order, ``sealer`` closes seals in the background, ``proof`` shows one
entry's place, ``anchors`` and ``witnesses`` bring seals outside. The format: docs/proof.md.
"""
