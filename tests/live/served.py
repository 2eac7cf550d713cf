"""What the tests of sockets have gunicorn serve: a small application on the real hub, feed and bus."""

import json
import os
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Flask, g, request
from flask_sock import Sock
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app import db
from app.errors import AppError, TooManyRequestsError, UnavailableError
from app.live import writer
from app.live.connection import SERVER_OPTIONS, Connection
from app.live.handshake import prepare_upgrade
from app.live.hub import Subscriber
from app.live.process import configure, live
from app.models import Event
from app.queries.events import RecordedEvent
from app.services.bus import Bus
from app.web.shutdown import ON_SHUTDOWN

writer.PING_SECONDS = float(os.environ.get("TEST_PING_SECONDS", writer.PING_SECONDS))
writer.SEND_SECONDS = float(os.environ.get("TEST_SEND_SECONDS", writer.SEND_SECONDS))

sockets = Blueprint("sockets", __name__)
sock = Sock()
routes = Blueprint("routes", __name__)
resumed = threading.Event()
ended: list[Connection] = []


@sockets.before_request
def admit() -> None:
    prepare_upgrade(request.environ)
    if request.path == "/late":
        time.sleep(0.1)
    arguments = request.args
    g.who = {
        "viewer_id": arguments.get("user", "user_anybody"),
        "remote_ip": arguments.get("ip", "anywhere"),
        "session_id": arguments.get("session"),
        "channel_id": arguments.get("channel"),
    }
    if not live().hub.may_connect(g.who["viewer_id"], g.who["remote_ip"]):
        raise TooManyRequestsError("too many sockets")


@sock.route("/echo", bp=sockets)  # type: ignore[untyped-decorator]  # flask-sock carries no types.
def echo(ws: object) -> None:
    with Connection(ws) as connection:
        for message in connection.messages():
            if isinstance(message, str):
                connection.offer(message)
            else:
                connection.offer_frame(_binary_frame(message))


def _binary_frame(data: bytes) -> bytes:
    if len(data) < 126:
        head = bytes([0x82, len(data)])
    elif len(data) < 65536:
        head = b"\x82\x7e" + len(data).to_bytes(2, "big")
    else:
        head = b"\x82\x7f" + len(data).to_bytes(8, "big")
    return head + data


@sock.route("/join", bp=sockets)  # type: ignore[untyped-decorator]
def join(ws: object) -> None:
    with Connection(ws) as connection, live().joined(Subscriber(connection=connection, **g.who)) as is_first:
        connection.offer(json.dumps({"first": is_first}))
        for _ in connection.messages():
            pass


@sock.route("/late", bp=sockets)  # type: ignore[untyped-decorator]
def late(ws: object) -> None:
    """A socket that was admitted slowly; it is counted when it has ended."""
    with Connection(ws) as connection:
        for _ in connection.messages():
            pass
    ended.append(connection)


@sock.route("/stuck", bp=sockets)  # type: ignore[untyped-decorator]
def stuck(ws: object) -> None:
    """A handler that takes one message and is then busy until /resume."""
    with Connection(ws) as connection:
        for _ in connection.messages():
            resumed.wait(30)


@sock.route("/broken", bp=sockets)  # type: ignore[untyped-decorator]
def broken(ws: object) -> None:
    with Connection(ws) as connection:
        for message in connection.messages():
            raise UnavailableError if message == "away" else ValueError("a bug")


@routes.post("/resume")
def resume() -> dict[str, Any]:
    resumed.set()
    return {}


@routes.post("/send")
def send() -> dict[str, Any]:
    """Send `count` texts of `size` characters; the writers run in between, for `pause` seconds."""
    arguments = request.json
    began = time.monotonic()
    for number in range(arguments.get("count", 1)):
        text = f"{number:08}".ljust(arguments.get("size", 8), "x")
        live().hub.send(arguments.get("users"), text, channel_id=arguments.get("channel"))
        time.sleep(arguments.get("pause", 0))
    return {"seconds": time.monotonic() - began}


@routes.post("/close")
def close() -> dict[str, Any]:
    if user := request.json.get("user"):
        live().hub.close_viewer(user, 1008, "banned")
    if session := request.json.get("session"):
        live().hub.close_session(session, "signed out")
    return {}


@routes.post("/event")
def event() -> dict[str, Any]:
    """Commit `count` events, one transaction each."""
    for _ in range(request.json.get("count", 1)):
        with db.transaction() as session:
            row = {"type": "test", "data": {"sent": time.time()}, "created_at": datetime.now(UTC)}
            session.execute(insert(Event).values(**row))
            db.wake(session, "events")
    return {}


@routes.post("/publish")
def publish() -> dict[str, Any]:
    live().bus.publish("ephemeral", request.json["text"])
    return {}


@routes.get("/stats")
def stats() -> dict[str, Any]:
    return {
        "sockets": len(live().hub),
        "viewers": sorted(live().hub.viewers()),
        "threads": threading.active_count(),
        "ended": len(ended),
    }


def tell(_session: Session, batch: Sequence[RecordedEvent]) -> None:
    for told in batch:
        live().hub.send(None, json.dumps({"position": told.position, **told.data}), channel_id=told.channel_id)


def tell_ephemeral(_topic: str, payload: bytes) -> None:
    live().hub.send(None, payload.decode(), channel_id=None)


def refuse(error: AppError) -> tuple[dict[str, Any], int]:
    return {"detail": error.message}, error.status


def create_app() -> Flask:
    db.connect(os.environ["TEST_DATABASE_URL"])
    process = configure(Bus(os.environ.get("TEST_REDIS_URL"), installation="test"))
    process.feed.register(tell)
    process.bus.listen("ephemeral", tell_ephemeral)
    app = Flask(__name__)
    app.config["SOCK_SERVER_OPTIONS"] = SERVER_OPTIONS
    app.register_blueprint(sockets)
    app.register_blueprint(routes)
    app.register_error_handler(AppError, refuse)
    app.extensions[ON_SHUTDOWN] = [process.stop]
    return app


app = create_app()
