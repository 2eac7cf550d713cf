"""What the documents list is there, and what is there is listed."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from activitypub.vocabulary import MESSAGE_TYPES
from app import db
from app.effects import EFFECTS
from app.errors import AppError
from app.facades.pufferblow import sockets, telling
from app.factory import make_app
from app.live.frames import CloseCode
from app.queries.scopes import SCOPES
from app.settings import Settings
from app.web.answers import problem
from tests.docs.markdown import ROOT, anchors, documents, first_column, read, section, without_blocks

CLIENTS, FEDERATION, OPERATORS, PUNCTUM = (
    f"docs/{name}.md" for name in ("clients", "federation", "operators", "punctum")
)


def test_the_routes_of_the_documents_are_those_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "_database", None)  # Put back afterwards: a process has one.
    listed = [found for name in (CLIENTS, FEDERATION, OPERATORS, PUNCTUM) for found in routes_in(read(name))]

    assert sorted(listed) == sorted(served_routes(tmp_path))


def test_the_activities_we_say_we_understand_are_those_with_an_effect() -> None:
    understood = first_column(section(read(FEDERATION), "Activities we understand"))

    assert sorted(understood) == sorted(EFFECTS)


def test_everything_that_becomes_a_message_is_named() -> None:
    text = section(read(FEDERATION), "Activities we understand")

    assert [name for name in MESSAGE_TYPES if not re.search(rf"\b{name}\b", text)] == []


def test_the_socket_events_of_the_document_are_those_that_are_sent() -> None:
    told = first_column(section(read(CLIENTS), "What the server says"))

    assert sorted(told) == sorted(sent_types())


def test_what_the_document_lets_clients_say_is_what_is_heard() -> None:
    said = first_column(section(read(CLIENTS), "What the client may say"))

    assert sorted(said) == sorted(sockets._HANDLERS)


def test_the_scopes_of_the_document_are_those_that_there_are() -> None:
    assert sorted(first_column(section(read(CLIENTS), "Scopes"))) == sorted(SCOPES)


def test_every_reason_to_close_a_socket_is_told() -> None:
    table = section(read(CLIENTS), "Limits and closing")

    assert {int(code) for code in re.findall(r"\b[14]\d{3}\b", table)} == set(CloseCode)


def test_every_status_of_an_error_is_told_with_its_codes() -> None:
    table = section(read(CLIENTS), "Errors")

    told = {
        (int(status), int(code))
        for status, codes in re.findall(r"^\| (\d+) \| ([\d, ]+) \|", table, re.MULTILINE)
        for code in codes.split(", ")
    }

    sent = {(kind.status, kind.error_code or code_of(kind.status)) for kind in kinds_of(AppError)}
    assert sent | {(status, code_of(status)) for status in (405, 414, 500)} == told


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_links_inside_the_project_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", without_blocks(path.read_text(encoding="utf-8")))

    assert [target for target in targets if not leads_somewhere(target, path)] == []


def test_every_document_is_reached_from_the_readme() -> None:
    linked = {(ROOT / target).resolve() for target in re.findall(r"\]\((docs/[^)#]+)", read("README.md"))}

    assert set(documents()) - {ROOT / "README.md"} == linked


def routes_in(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/[^`]*)` \|", text, re.MULTILINE)


def served_routes(folder: Path) -> set[tuple[str, str]]:
    """Without what Flask adds to every rule by itself. A socket's is two rules, with an upgrade and without."""
    settings = Settings.from_env({"SHOAL_DATA": str(folder), "SHOAL_SECRET_KEY": "s" * 32}, None)
    return {
        (method, re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in make_app(settings).url_map.iter_rules()
        for method in rule.methods or ()
        if method not in {"HEAD", "OPTIONS"}
    }


def sent_types() -> set[str]:
    """The events that are rendered from the log, and those that are written out where they are sent."""
    rendered = ast.parse(textwrap.dedent(inspect.getsource(telling._Batch._body)))
    cases = {
        node.value.value
        for node in ast.walk(rendered)
        if isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Constant)
    }
    return {*telling._SHOWN, *map(str, cases), *written_types(telling), *written_types(sockets)}


def written_types(module: ModuleType) -> Iterator[str]:
    """Each `{"type": "…"}` in a module."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value == "type" and isinstance(value, ast.Constant):
                yield str(value.value)


def code_of(status: int) -> int:
    return int(problem(status, "").get_json()["error_code"])


def kinds_of(error: type[AppError]) -> Iterator[type[AppError]]:
    for kind in error.__subclasses__():
        yield kind
        yield from kinds_of(kind)


def leads_somewhere(target: str, document: Path) -> bool:
    """A link to elsewhere is not followed."""
    if re.match(r"[a-z]+:", target):
        return True
    name, _, anchor = target.partition("#")
    path = (document.parent / name).resolve() if name else document
    if not path.exists():
        return False
    return not anchor or anchor in anchors(path.read_text(encoding="utf-8"))
