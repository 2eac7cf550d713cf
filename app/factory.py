"""The Flask application of a web process."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from app.actions.blocked_networks import follow_blocks
from app.actions.server import follow_changes
from app.db import on_wake
from app.facades.routes import follow_events, mount_facades, serve_local
from app.live import process as live
from app.process import prepare
from app.services import broker
from app.services.bus import Bus
from app.services.log_ring import LogRing
from app.services.logs import configure_logging
from app.services.rates import Rates, rates_of
from app.settings import Settings
from app.web.admission import admit_requests, keep_time
from app.web.answers import answer_errors
from app.web.authentication import is_owner_asking
from app.web.headers import add_headers
from app.web.limiting import limit_requests
from app.web.routing import LateRule
from app.web.shutdown import ON_SHUTDOWN


def create_app(settings: Settings) -> Flask:
    """The application, tied to the workers and to the sockets of all web processes. One for each process."""
    configure_logging(settings.log_level, also=LogRing(settings.redis_url, installation=settings.origin))
    app = make_app(settings, rates_of(settings))
    app.extensions[ON_SHUTDOWN] = [_tie_to_workers(), _tie_to_sockets(settings), serve_local(settings), keep_time(app)]
    return app


def make_app(settings: Settings, rates: Rates | None = None) -> Flask:
    """The application alone: it answers requests, and what it commits is found by the sweeps."""
    prepare(settings)
    app = Flask("shoal", static_folder=None)
    app.url_rule_class = LateRule
    # A redirect to a tidier path would be built from the request's Host header, and a client would repeat its POST.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    add_headers(app)
    limit_requests(app, rates or Rates(None))
    admit_requests(app)
    answer_errors(app, may_debug=is_owner_asking)
    mount_facades(app)
    return app


def _tie_to_workers() -> Callable[[], None]:
    """Hint at committed work; returns what ends that."""
    on_wake(broker.hint)
    return broker.close


def _tie_to_sockets(settings: Settings) -> Callable[[], None]:
    """Feed this process's sockets, and tell the others' of our commits; returns what closes them."""
    here = live.configure(Bus(settings.redis_url, installation=settings.origin))
    follow_events(here)
    follow_changes(here.bus)
    follow_blocks(here.bus)
    return here.stop
