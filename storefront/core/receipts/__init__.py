"""Receipts: what was bought, from whom, for how much and with which tax; signed, and numbered without a gap.

``documents`` says what stands on one, ``signing`` proves it, ``numberer`` gives numbers after the commit,
``reading`` finds them for those who may see them.
"""
