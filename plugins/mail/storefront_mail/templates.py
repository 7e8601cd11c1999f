"""Templates: found by language, rendered in a sandbox, checked before the shop starts.

A mail is two files of one name, ``<language>/<name>.txt`` and ``.html``. The first line of the text is the subject.
HTML is escaped by itself; a name that does not exist is an error, not a gap.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import (
    ChoiceLoader,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    nodes,
    select_autoescape,
)
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

OURS = Path(__file__).parent / "templates"
LAST_LANGUAGE = "en"
BOTH = (".txt", ".html")
VARIABLES = frozenset(
    {
        "access_until", "account_url", "amount", "asset", "before", "card_expires", "credit", "date", "event",
        "expires", "is_off", "is_wallet", "language", "lines", "link", "method", "net", "next_attempt", "quantity",
        "receipt", "resumes", "seller", "shop_name", "shop_url", "support_email", "taxes", "title", "unsubscribe_url",
    }
)  # fmt: skip
"""What every mail may name; what an event does not tell is empty."""
PAGES = frozenset({"page.html", "unsubscribe.html"})
PAGE_VARIABLES = frozenset({"base", "is_out", "language", "shop_name", "token"})


@dataclass(frozen=True, slots=True)
class Text:
    """A rendered mail. The subject is one line."""

    subject: str
    plain: str
    html: str


@lru_cache(maxsize=8)
def environment(folder: Path | None) -> ImmutableSandboxedEnvironment:
    """Return where templates are found: first in the operator's folder, then in ours."""
    folders = [OURS] if folder is None else [folder, OURS]
    return ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(one) for one in folders]),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(folder: Path | None, name: str, language: str, values: Mapping[str, Any]) -> Text:
    """Render a mail in a language that has it (``language_of``).

    Raises:
        TemplateError: there is no such mail, or it cannot be rendered.
    """
    found = environment(folder)
    plain = found.get_template(f"{language}/{name}.txt").render(values)
    head, _, body = plain.partition("\n")
    subject = one_line(head.removeprefix("Subject:"))
    html = found.get_template(f"{language}/{name}.html").render({**values, "subject": subject})
    return Text(subject, body.strip("\n") + "\n", html)


def language_of(folder: Path | None, name: str, languages: Sequence[str], endings: Sequence[str] = BOTH) -> str:
    """Return the first language in which all files of a name exist: ``de`` stands in for ``de-AT``.

    Raises:
        TemplateNotFound: not even in English.
    """
    there = set(environment(folder).list_templates())
    for wanted in (*languages, LAST_LANGUAGE):
        for language in (wanted, wanted.split("-")[0]):
            if {f"{language}/{name}{ending}" for ending in endings} <= there:
                return language
    raise TemplateNotFound(f"{LAST_LANGUAGE}/{name}.txt")


def one_line(text: str) -> str:
    """Return a text without line ends and other control characters: it goes into a header."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def mistakes_in(folder: Path | None, names: Sequence[str]) -> Iterator[str]:
    """Say what is wrong with the templates of a folder, each with ``file:line``, and which mails have none."""
    if folder is not None and not folder.is_dir():
        yield f"there is no folder {folder}"
        return
    for path in () if folder is None else sorted(folder.rglob("*")):
        if path.suffix in (".txt", ".html"):
            yield from _mistakes_of(folder, path, is_mail=path.stem in names)
    for name in sorted(set(names)):
        try:
            language_of(folder, name, ())
        except TemplateNotFound as missing:
            yield f"there is no template {missing} (nor the .html beside it)"


def _mistakes_of(folder: Path | None, path: Path, *, is_mail: bool) -> Iterator[str]:
    try:
        source = path.read_text(encoding="utf-8")
        tree = environment(folder).parse(source, filename=str(path))
        environment(folder).compile(source, filename=str(path))
    except UnicodeDecodeError:
        yield f"{path}:1: is not UTF-8"
        return
    except TemplateSyntaxError as error:
        yield f"{path}:{error.lineno}: {error.message}"
        return
    if is_mail and path.suffix == ".txt" and not source.startswith("Subject:"):
        yield f"{path}:1: the first line must be `Subject: …`"
    known = PAGE_VARIABLES if path.name in PAGES else VARIABLES | {"subject"}
    unknown = find_undeclared_variables(tree) - known - environment(folder).globals.keys()
    for node in tree.find_all(nodes.Name):
        if node.ctx == "load" and node.name in unknown:
            yield f"{path}:{node.lineno}: there is no variable {node.name}"
    there = environment(folder).list_templates()
    for reference in tree.find_all((nodes.Extends, nodes.Include)):
        template = getattr(reference, "template", None)
        if isinstance(template, nodes.Const) and template.value not in there:
            yield f"{path}:{reference.lineno}: there is no template {template.value}"
