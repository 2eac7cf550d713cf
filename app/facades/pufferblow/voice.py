"""Voice, as far as it is there: nobody is ever in a call, and nobody can begin one yet (contracts/pufferblow.md, 5)."""

from __future__ import annotations

from typing import Literal, NoReturn

from app.db import reading
from app.errors import InvalidInputError, UnavailableError
from app.facades.pufferblow.answers import Done
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import Id
from app.queries.channels import get_visible
from app.queries.viewers import Viewer
from app.web.fields import Params
from app.web.shapes import Shape

TAG = "Voice"
_RETRY_SECONDS = 3600


class WhichChannel(Params):
    channel_id: Id


class WhichSession(Params):
    session_id: Id


class OpenSession(WhichChannel):
    quality_profile: Literal["low", "balanced", "high"] = "balanced"


class SessionAction(WhichSession):
    action: str


class Participants(Shape):
    status_code: int
    channel_id: str
    participants: list[str]
    participant_count: int
    session_id: str | None = None


class AudioStatus(Shape, kw_only=True):
    status_code: int
    channel_id: str
    room_name: str | None = None
    participants: list[str]
    participant_count: int
    error: str | None = None


@API.signed_in(
    "GET",
    "/api/v2/voice/channels/{channel_id}/participants",
    params=WhichChannel,
    answer=Participants,
    tag=TAG,
    summary="Who talks in a channel",
    errors={404},
    scope="channel:read",
)
def list_participants(viewer: Viewer, params: WhichChannel) -> Participants:
    _check(viewer, params.channel_id)
    return Participants(status_code=200, channel_id=params.channel_id, participants=[], participant_count=0)


@API.signed_in(
    "GET",
    "/api/v1/channels/{channel_id}/audio-status",
    params=WhichChannel,
    answer=AudioStatus,
    tag=TAG,
    summary="Who talks in a channel, as older clients ask",
    errors={404},
    scope="channel:read",
)
def show_audio_status(viewer: Viewer, params: WhichChannel) -> AudioStatus:
    _check(viewer, params.channel_id)
    return AudioStatus(status_code=200, channel_id=params.channel_id, participants=[], participant_count=0)


@API.signed_in(
    "POST",
    "/api/v1/channels/{channel_id}/join-audio",
    params=WhichChannel,
    answer=Done,
    tag=TAG,
    summary="Join a call; not there yet",
    errors={404},
    scope="message:write",
)
def join_audio(viewer: Viewer, params: WhichChannel) -> Done:
    _check(viewer, params.channel_id)
    _refuse()


@API.signed_in(
    "POST",
    "/api/v1/channels/{channel_id}/leave-audio",
    params=WhichChannel,
    answer=Done,
    tag=TAG,
    summary="Leave a call; not there yet",
    errors={404},
    scope="message:write",
)
def leave_audio(viewer: Viewer, params: WhichChannel) -> Done:
    _check(viewer, params.channel_id)
    _refuse()


@API.signed_in(
    "POST",
    "/api/v2/voice/channels/{channel_id}/sessions",
    params=OpenSession,
    answer=Done,
    tag=TAG,
    summary="Begin or join a call; not there yet",
    errors={404},
    scope="message:write",
)
def open_voice_session(viewer: Viewer, params: OpenSession) -> Done:
    _check(viewer, params.channel_id)
    _refuse()


@API.signed_in(
    "GET",
    "/api/v2/voice/sessions/{session_id}",
    params=WhichSession,
    answer=Done,
    tag=TAG,
    summary="A call; not there yet",
    scope="channel:read",
)
def show_voice_session(_viewer: Viewer, _: WhichSession) -> Done:
    _refuse()


@API.signed_in(
    "POST",
    "/api/v2/voice/sessions/{session_id}/leave",
    params=WhichSession,
    answer=Done,
    tag=TAG,
    summary="Leave a call; not there yet",
    scope="message:write",
)
def leave_voice_session(_viewer: Viewer, _: WhichSession) -> Done:
    _refuse()


@API.signed_in(
    "POST",
    "/api/v2/voice/sessions/{session_id}/actions",
    params=SessionAction,
    answer=Done,
    tag=TAG,
    summary="Mute oneself and the like; not there yet",
    scope="message:write",
)
def act_in_voice_session(_viewer: Viewer, _: SessionAction) -> Done:
    _refuse()


def _check(viewer: Viewer, channel_id: str) -> None:
    """Raises NotFoundError, and InvalidInputError for a channel without voice."""
    with reading() as session:
        channel, _ = get_visible(session, viewer, channel_id)
    if channel.type == "text":
        raise InvalidInputError("Channel does not support voice sessions")


def _refuse() -> NoReturn:
    raise UnavailableError("Voice is not available on this server yet.", retry_after_seconds=_RETRY_SECONDS)
