"""What was refused, in the words of the form that asked for it: its labels, the sum that there is, its choices."""

from collections.abc import Mapping
from typing import Any

from storefront.console.words import money, total
from storefront.core.commit.outcome import InsufficientFunds
from storefront.core.errors import Invalid, StorefrontError
from storefront.core.reversing import GoodsUsed
from storefront.panels import Asking, ConsoleAct, Form, PageView


def problem_of(asking: Asking, act: ConsoleAct, view: PageView, path: str, refused: StorefrontError) -> dict[str, Any]:
    """Return what the template of a page takes as its ``problem``; ``path`` is the address of the form."""
    errors = refused.errors if isinstance(refused, Invalid) else ()
    wrong = {error.pointer.lstrip("/"): error.message for error in errors}
    detail, amount = _worded(asking, refused)
    if amount and "amount" in act.fields:
        wrong["amount"] = amount
    form = path.strip("/").replace("/", "-")
    return {"detail": detail, "fields": wrong, "path": path, "form": form, "labels": _labels(view, path)}


def _worded(asking: Asking, refused: StorefrontError) -> tuple[str, str]:
    """Return a sentence, and what is wrong with the amount, if that is it."""
    facts = refused.facts
    if refused.code == "refund_too_large" and "left" in facts:
        left = total(asking, facts["left"])
        return f"{refused.detail}: {left} can still go back.", f"is more than the {left} that can still go back"
    if isinstance(refused, InsufficientFunds) and {"available", "asset"} <= facts.keys():
        free = money(asking, facts["available"], facts["asset"])
        return f"{refused.detail}: {free} can be taken.", f"is more than the {free} that can be taken"
    if isinstance(refused, GoodsUsed):
        used = refused.detail.partition(" With the strategy")[0]
        return f"{used} Choose under “If goods are used” what becomes of them.", ""
    return refused.detail, ""


def _labels(view: PageView, path: str) -> Mapping[str, str]:
    forms = [part for part in (*view.sections, *view.detail) if isinstance(part, Form) and part.action == path]
    return {field.name: field.label for form in forms for field in form.fields if field.kind != "hidden"}
