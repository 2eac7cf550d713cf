"""The newest release, asked of GitHub only where the operator says so (SHOAL_CHECK_RELEASES)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from activitypub.errors import FetchError, MalformedDocumentError
from activitypub.strict_json import JsonObject, load_object
from app.actions.snapshots import keep_snapshot
from app.db import transaction
from app.errors import UnavailableError
from app.queries.snapshots import RELEASE
from app.services.remote import remote_client
from app.settings import current

_MAX_BYTES: Final = 256 * 1024
_LONGEST: Final = {"tag_name": 100, "name": 200, "html_url": 500, "published_at": 40, "body": 20_000}


def check(now: datetime) -> None:
    """Ask, and keep the answer. Raises UnavailableError where none came that can be read."""
    repository = current().check_releases
    if repository is None:
        return
    release = _read(_ask(f"https://api.github.com/repos/{repository}/releases/latest"))
    with transaction() as session:
        keep_snapshot(session, RELEASE, release, now)


def _ask(url: str) -> JsonObject:
    try:
        answer = remote_client().get(url, headers={"accept": "application/vnd.github+json"}, max_bytes=_MAX_BYTES)
        if not answer.is_success:
            raise UnavailableError(f"GitHub answered with status {answer.status}.")
        return load_object(answer.body)
    except FetchError as error:
        raise UnavailableError("GitHub was not reached.") from error
    except MalformedDocumentError as error:
        raise UnavailableError("GitHub's answer cannot be read.") from error


def _read(answer: JsonObject) -> dict[str, Any]:
    """Texts alone, and no longer ones than are of use."""
    texts = {name: answer.get(name) for name in _LONGEST}
    return {name: text[: _LONGEST[name]] if isinstance(text, str) else "" for name, text in texts.items()}
