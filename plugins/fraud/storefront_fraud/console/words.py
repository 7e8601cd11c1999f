"""How the console words what was decided: verdicts, rules, scores and what was read."""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.pages.lists import spoken
from storefront.panels import Cell, Tone
from storefront_fraud.rules import RuleSet

PATH = "/console/fraud"
DECISIONS, LISTS = f"{PATH}/decisions", f"{PATH}/lists"
READ, WRITE, DECIDE = "fraud:read", "fraud:write", "reviews:write"
VERDICTS: Mapping[str, tuple[str, Tone]] = {
    "allow": ("Allowed", Tone.GOOD),
    "challenge": ("Challenged", Tone.INFO),
    "review": ("To review", Tone.PLAY),
    "block": ("Blocked", Tone.BAD),
}
PHASES = {"challenge": "Asks the bank", "allow": "Allows", "block": "Blocks", "review": "Sends to review"}
OUTCOMES = {"passed": "went through", "review": "went to a person", "refused": "was refused"}
STAGES = {"purchase": "at the purchase", "payment": "at the payment"}
SAID = {
    "allow": "The rules let it through.",
    "challenge": "The rules had the bank ask its buyer.",
    "review": "The rules sent it to a person.",
    "block": "The rules blocked it.",
}
_BECAUSE = {"condition": "its condition holds", "missing": "what it reads is missing", "error": "it ended in an error"}
_DOUBTFUL, _BAD = 50, 80


def verdict_badge(verdict: str) -> Cell:
    words, tone = VERDICTS[verdict]
    return Cell(words, tone=tone)


def rule_words(name: str) -> str:
    """Word a rule's id: ``new-and-dear`` -> ``New and dear``."""
    return spoken(name.replace("-", " "))


def because(match: Mapping[str, Any]) -> str:
    """Word why a rule counts as matched."""
    words = _BECAUSE.get(match["because"], match["because"])
    if match.get("missing"):
        return f"{words}: {', '.join(match['missing'])}"
    return f"{words}: {match['error']}" if match.get("error") else words


def score_of(decisions: Sequence[Mapping[str, Any]]) -> tuple[int | None, Sequence[str]]:
    """Return how unusual a purchase is, of 100, and why, the heaviest first; else its gateway's score.

    ``decisions``: of one purchase, as ``explain`` has them.
    """
    for one in decisions:
        if one["anomaly"] is not None:
            return round(100 * one["anomaly"]["score"]), [spoken(why["says"]) for why in one["anomaly"]["reasons"]]
    for one in decisions:
        radar = one["attributes"].get("radar.score")
        if radar is not None:
            return int(radar), ["The score is the gateway's"]
    return None, []


def tone_of(score: int | None, verdict: str) -> Tone:
    if verdict == "block" or (score is not None and score >= _BAD):
        return Tone.BAD
    return Tone.PLAY if verdict == "review" or (score is not None and score >= _DOUBTFUL) else Tone.PLAIN


def value_words(value: Any) -> str:
    """Word a value that was read; None: it could not be had."""
    if value is None:
        return "could not be had"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def conditions(rules: RuleSet) -> dict[str, str]:
    """Return rule -> its condition, as the configuration has it now."""
    return {rule.id: rule.when for rule, _ in rules.rules.values()}
