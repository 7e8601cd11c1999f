"""The step that tells the world: an event in its anchor's sequence."""

import msgspec

from storefront.core.commit.outcome import Moment
from storefront.core.commit.state import Draft
from storefront.core.commit.steps import Emit


def apply_emit(draft: Draft, moment: Moment, step: Emit) -> None:
    """Append an event as the next one of its anchor."""
    sequence = draft.next_sequence(step.anchor)
    draft.append(
        "events",
        {
            "anchor": step.anchor,
            "sequence": sequence,
            "id": moment.new_id("evt"),
            "commit_no": moment.commit_no,
            "type": step.type,
            "subject": step.subject,
            "occurred_at": moment.now,
            "recorded_at": moment.wall,
            "payload": msgspec.json.encode(step.payload).decode(),
        },
    )
