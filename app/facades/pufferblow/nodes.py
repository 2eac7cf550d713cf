"""Decentralized node auth: challenge, verify, introspect, revoke (contracts/pufferblow.md, 2)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.actions import nodes
from app.facades.pufferblow.answers import Done, Time, iso
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import Id
from app.queries.viewers import Viewer
from app.web.fields import Params
from app.web.shapes import Shape

TAG = "Nodes"


class WhichNode(Params):
    node_id: Annotated[str, Field(min_length=1, max_length=255)]


class Answer(Params):
    """`node_public_key` is PEM or base64 where it signed, and any name of the node where a secret is shared."""

    challenge_id: Id
    node_public_key: Annotated[str, Field(min_length=1, max_length=8192)]
    challenge_signature: Annotated[str, Field(min_length=1, max_length=2048)]
    shared_secret: Annotated[str, Field(min_length=8, max_length=1024)] | None = None


class SessionToken(Params):
    session_token: Annotated[str, Field(min_length=1, max_length=255)]


class WhichSession(Params):
    session_id: Id


class Challenged(Shape):
    status_code: int
    challenge_id: str
    challenge_nonce: str
    expires_at: Time


class NodeSessionOpened(Shape):
    status_code: int
    session_id: str
    session_token: str
    node_id: str
    expires_at: Time
    scopes: list[str]


class NodeSessionShown(Shape):
    status_code: int
    active: bool
    session_id: str
    user_id: str
    node_id: str
    node_public_key: str
    expires_at: Time
    scopes: list[str]


class NodeSessionRevoked(Done):
    session_id: str


@API.signed_in(
    "POST",
    "/api/v1/auth/decentralized/challenge",
    params=WhichNode,
    answer=Challenged,
    tag=TAG,
    summary="A nonce for one's node to answer within two minutes",
)
def make_challenge(viewer: Viewer, params: WhichNode) -> Challenged:
    made = nodes.challenge(viewer, params.node_id)
    return Challenged(
        status_code=200, challenge_id=made.id, challenge_nonce=made.nonce, expires_at=iso(made.expires_at)
    )


@API.public(
    "POST",
    "/api/v1/auth/decentralized/verify",
    params=Answer,
    answer=NodeSessionOpened,
    tag=TAG,
    summary="Open a node's session by answering its challenge",
    errors={401, 404, 409},
)
def answer_challenge(params: Answer) -> NodeSessionOpened:
    proof = nodes.Proof(params.node_public_key, params.challenge_signature, params.shared_secret)
    opened = nodes.verify(params.challenge_id, proof)
    return NodeSessionOpened(
        status_code=200,
        session_id=opened.id,
        session_token=opened.token,
        node_id=opened.node_id,
        expires_at=iso(opened.expires_at),
        scopes=list(opened.scopes),
    )


@API.public(
    "POST",
    "/api/v1/auth/decentralized/introspect",
    params=SessionToken,
    answer=NodeSessionShown,
    tag=TAG,
    summary="Whose a node's session is, and how long it lasts",
    errors={401},
)
def show_session(params: SessionToken) -> NodeSessionShown:
    shown = nodes.introspect(params.session_token)
    return NodeSessionShown(
        status_code=200,
        active=True,
        session_id=shown.id,
        user_id=shown.account_id,
        node_id=shown.node_id,
        node_public_key=shown.public_key,
        expires_at=iso(shown.expires_at),
        scopes=list(shown.scopes),
    )


@API.signed_in(
    "POST",
    "/api/v1/auth/decentralized/revoke",
    params=WhichSession,
    answer=NodeSessionRevoked,
    tag=TAG,
    summary="End a session of one's node",
    errors={404},
)
def revoke_session(viewer: Viewer, params: WhichSession) -> NodeSessionRevoked:
    nodes.revoke(viewer, params.session_id)
    return NodeSessionRevoked(status_code=200, message="Session revoked successfully", session_id=params.session_id)
