"""What takes something away for good asks first: a page that says what it would do, with the button that does it."""

from storefront.core.errors import Invalid
from storefront.panels import Asking, ConsoleAct, ConsolePage, Field, Form, Line, Lines, Link, Note, PageView, Tone


async def told_of(act: ConsoleAct, page: ConsolePage, asking: Asking) -> str:
    """Return what an act does, in words that name the sum or the thing."""
    return f"{page.label}: {act.name.replace('-', ' ')}" if act.words is None else await act.words(asking)


async def ask_sure(act: ConsoleAct, page: ConsolePage, asking: Asking, path: str) -> PageView:
    """Return the page that asks; its form holds what was sent, and asks for what the act wants to know besides."""
    if act.sure is None:
        raise Invalid("This act asks nothing.")
    words, asked = await told_of(act, page, asking), {field.name for field in act.sure.fields}
    kept = [Field(name, name, "hidden", value=str(value)) for name, value in asking.form.items() if name not in asked]
    send = Form(
        path,
        words,
        (*kept, *act.sure.fields, Field("sure", "sure", "hidden", value="yes")),
        tone=Tone.BAD,
        explains=act.sure.explains,
    )
    back = Note(Tone.INFO, "Nothing has happened yet.", link=Link("Leave it as it is", _filled(page.path, asking)))
    reason = asking.form.get("reason")
    told = [Lines("Why", [Line("Reason", str(reason))])] if reason and "reason" not in asked else []
    if act.sure.shows is None:
        return PageView(f"{words}?", [back, *told, send])
    foreseen = await act.sure.shows(asking)
    return PageView(f"{words}?", [back, *foreseen.sections, *told, *([send] if foreseen.is_possible else [])])


def _filled(path: str, asking: Asking) -> str:
    for name, value in asking.path.items():
        path = path.replace(f"{{{name}}}", value)
    return path
