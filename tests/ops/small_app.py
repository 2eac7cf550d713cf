"""A WSGI application that tells how gunicorn runs it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gevent import monkey

IS_PATCHED = monkey.is_module_patched("socket")


class LargeAnswer:
    """More than any buffer takes; says when gunicorn begins it and has done with it."""

    def __iter__(self) -> Iterator[bytes]:
        print("began it", flush=True)
        return iter([bytes(1 << 16)] * 1000)

    def close(self) -> None:
        print("done with it", flush=True)


class SmallApp:
    """Like Flask's, its `extensions` hold what is called at a stop."""

    def __init__(self) -> None:
        self.extensions = {"shoal.on_shutdown": [lambda: print("told to stop", flush=True)]}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/fail":
            raise RuntimeError("failed on purpose")
        body = environ["wsgi.input"].read() if environ["PATH_INFO"] == "/body" else b""
        start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] == "/body":
            return [str(len(body)).encode()]
        if environ["PATH_INFO"] == "/large":
            return LargeAnswer()
        if environ["PATH_INFO"] == "/eight-megabytes":
            return iter([bytes(1 << 16)] * 128)
        return [f"{environ['wsgi.url_scheme']} {IS_PATCHED}".encode()]


app = SmallApp()
