"""What looks like a secret is masked: in logs, and in free texts that are kept for ever.

A secret is known by its shape. Three digits of a card's back look like any others: for them the rule remains that
nobody logs a body, a header or a token.
"""

import re

MASK = "[redacted]"

_TOKENS = re.compile(
    r"\b(?:sk|pk|ak|rk|ovl|whsec|pt)_[A-Za-z0-9+/_=-]{6,}"  # ours, Stripe's (sk_test_…), webhook secrets
    r"|\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"  # JWTs
    r"|\b\w{1,128}?_secret_\w{4,}"  # Stripe's client secrets (pi_…_secret_…)
    r"|(?-i:\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b)"  # IBANs
    r"|\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}"
    r"|://[^/\s:@]+:[^/\s@]+@"  # the password of a database address
    r"|\b(?:\d[ -]?){13,18}\d\b"  # card numbers, and other long digit runs with them
    r"|\b[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{1,63}",  # e-mail addresses
    re.IGNORECASE,
)


def looks_secret(text: str) -> bool:
    """Tell whether a text that a caller chose has the shape of a secret: then it may not go into a log."""
    return _TOKENS.search(text) is not None


def redact_text(text: str) -> str:
    """Mask what looks like a secret inside a text."""
    return _TOKENS.sub(MASK, text)
