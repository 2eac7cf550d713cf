"""httpsig's writer of the string that is signed, without the rest of that package.

httpsig begins by importing `pkg_resources`, all of setuptools' view of what is installed, for its own version number:
a quarter of a second in which a process with greenlets serves nobody, and five megabytes for as long as it lives.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Protocol, cast


class SigningStringWriter(Protocol):
    """`required_headers` in lower case and in order; `headers` has them all, but for `(request-target)`."""

    def __call__(self, required_headers: list[str], headers: dict[str, str], *, method: str, path: str) -> bytes: ...


@cache
def signing_string_writer() -> SigningStringWriter:
    """`httpsig.utils.generate_message` (draft-cavage-http-signatures-12, section 2.3).

    Loaded when the first request is signed, because it brings a second library of cryptography along. Raises
    ImportError if httpsig is not installed, or has no such module.
    """
    package = find_spec("httpsig")
    if package is None or not package.submodule_search_locations:
        raise ImportError("httpsig is not installed")
    spec = spec_from_file_location("httpsig.utils", Path(package.submodule_search_locations[0], "utils.py"))
    if spec is None or spec.loader is None:
        raise ImportError("httpsig has no module utils")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("SigningStringWriter", module.generate_message)
