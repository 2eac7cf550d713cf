"""A WSGI application that tells how gunicorn runs it."""

from collections.abc import Callable, Iterable
from typing import Any

from gevent import monkey

IS_PATCHED = monkey.is_module_patched("socket")


class SmallApp:
    """Like Flask's, its `extensions` hold what is called at a stop."""

    def __init__(self) -> None:
        self.extensions = {"shoal.on_shutdown": [lambda: print("told to stop", flush=True)]}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/fail":
            raise RuntimeError("failed on purpose")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{environ['wsgi.url_scheme']} {IS_PATCHED}".encode()]


app = SmallApp()
