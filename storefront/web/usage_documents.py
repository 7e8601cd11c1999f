"""The bodies of usage reports: a list of ordinary events is decoded straight into its type, all else with care.

The quick way takes only what the careful one would read the same: where it may not, the careful one decides.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from storefront.core.errors import Malformed
from storefront.core.usage.events import CloudEvent
from storefront.web.strict_json import MOST_DIGITS, ODD_ESCAPE, exact_fraction, parse_exactly

_ATTRIBUTES_OF_ALL = 5
_SPACE = b" \t\r\n"
_ONLY_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
_TOO_LONG = b"0" * MOST_DIGITS


def parse_events(body: bytes) -> Any:
    """Parse a usage report: one JSON document, or a list of ``CloudEvent``.

    Raises:
        Malformed: as ``parse_exactly`` does.
    """
    events = _decoded(body)
    return parse_exactly(body) if events is None else events


def _decoded(body: bytes) -> Sequence[CloudEvent] | None:
    """Return the events of a body that is nothing but a list of them, each member once; None if it may not be."""
    squeezed = body.translate(_ONLY_ZEROS, _SPACE)
    if _TOO_LONG in squeezed or ODD_ESCAPE.search(body):
        return None
    try:
        events = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, Malformed):
        return None
    # Without spaces, each colon that ends a name follows its quotation mark. More of them than members that were kept:
    # a name came twice, or is not known here, or a text holds such a colon. In the same way braces show nested objects.
    names, objects = len(events) * _ATTRIBUTES_OF_ALL, len(events)
    for event in events:
        data = event.data
        if data is not UNSET:
            names += 1
            if data is not None:
                names += len(data)
                objects += 1
        names += (event.time is not UNSET) + (event.datacontenttype is not UNSET) + (event.dataschema is not UNSET)
    return events if (names, objects) == (squeezed.count(b'":'), squeezed.count(b"{")) else None


_decoder = msgspec.json.Decoder(list[CloudEvent], float_hook=exact_fraction)
