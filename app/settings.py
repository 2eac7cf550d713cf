"""Settings: everything an operator can choose, read once from the environment and a `.env` file."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from app import failpoints
from app import setting_values as read
from app.dotenv import read_dotenv
from app.setting_docs import SETTINGS_DOCS

T = TypeVar("T")

MEGABYTE = 2**20


class SettingsError(Exception):
    """A setting is missing or makes no sense. `str(error)` is one line that names the variable and shows no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSettings:
    """Where an S3-compatible service keeps our files. None is what boto3 finds out by itself."""

    bucket: str
    endpoint: str | None
    region: str
    access_key: str | None = field(repr=False)
    secret_key: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator chose, parsed and checked; its repr shows no secret. `storage_quota` is bytes an account."""

    origin: str
    port: int
    bind: tuple[str, ...]
    data_dir: Path
    secret_keys: tuple[str, ...] = field(repr=False)
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    has_own_broker: bool
    allow_networks: tuple[read.Network, ...]
    ca_file: Path | None
    trusted_proxies: tuple[read.Network, ...]
    workers: int
    rate_limit: int
    worker_threads: int
    log_level: str
    flower_auth: str | None = field(repr=False)
    flower_port: int
    storage_quota: int
    s3: BucketSettings | None
    backup_dir: Path
    check_releases: str | None
    local_socket: Path | None
    activitypub: bool
    blocked_domains: frozenset[str]
    nested_post_status: int
    failpoints: Path | None = None

    def refuses(self, domain: str) -> bool:
        """Whether the operator blocks the server, or one that it is below, at whatever port: nothing is taken from it,
        or said to it."""
        parts = domain.partition(":")[0].split(".")
        return any(".".join(parts[start:]) in self.blocked_domains for start in range(len(parts)))

    @property
    def is_https(self) -> bool:
        return self.origin.startswith("https://")

    @property
    def host(self) -> str:
        """The host of `user@host`: the origin without its scheme."""
        return self.origin.split("://", 1)[1]

    @property
    def broker_url(self) -> str:
        """`redis_url` as Celery spells it."""
        return re.sub(r"^unix://", "redis+socket://", self.redis_url)

    @classmethod
    def from_env(cls, environ: Mapping[str, str], dotenv_path: Path | None) -> Settings:
        """Settings out of `environ`, and out of `dotenv_path` for what it does not hold.

        Makes the data folder, and in development the secret in it. Raises SettingsError.
        """
        values = _Values(environ, _read_file(dotenv_path))
        port = values.parsed("PORT", "7575", read.whole_number(1, 65535))
        origin = _read_origin(values, port)
        data_dir = _make_data_dir(values.text("SHOAL_DATA") or "data")
        own_broker_url = f"unix://{runtime_dir(data_dir)}/valkey.sock"
        return cls(
            origin=origin,
            port=port,
            bind=_read_bind(values, origin, is_port_given="PORT" in environ),
            data_dir=data_dir,
            secret_keys=_read_secret_keys(values, origin, data_dir),
            database_url=values.parsed("DATABASE_URL", "", read.database_url) or f"sqlite:///{data_dir}/shoal.db",
            redis_url=values.parsed("REDIS_URL", own_broker_url, read.redis_url),
            has_own_broker=values.text("REDIS_URL") is None,
            allow_networks=values.parsed("SHOAL_ALLOW_NETWORKS", "", read.outgoing_networks),
            ca_file=values.parsed("SHOAL_CA_FILE", "", read.ca_file),
            trusted_proxies=values.parsed("SHOAL_TRUSTED_PROXIES", "", read.networks),
            workers=values.parsed("SHOAL_WORKERS", "1", read.whole_number(1, 64)),
            rate_limit=values.parsed("SHOAL_RATE_LIMIT", "6000", read.whole_number(25, 999_999)),
            worker_threads=values.parsed("SHOAL_WORKER_THREADS", "8", read.whole_number(2, 256)),
            log_level=values.parsed("SHOAL_LOG_LEVEL", "info", read.log_level),
            flower_auth=values.parsed("SHOAL_FLOWER_AUTH", "", read.flower_auth),
            flower_port=values.parsed("SHOAL_FLOWER_PORT", "5555", read.whole_number(1, 65535)),
            storage_quota=values.parsed("SHOAL_STORAGE_QUOTA", "1024", read.whole_number(1, 999_999)) * MEGABYTE,
            s3=_read_bucket(values),
            backup_dir=read.folder(values.text("SHOAL_BACKUPS") or str(data_dir / "backups")),
            check_releases=values.parsed("SHOAL_CHECK_RELEASES", "", read.repository),
            local_socket=values.parsed("SHOAL_LOCAL_SOCKET", "", read.socket_path),
            activitypub=values.parsed("SHOAL_ACTIVITYPUB", "on", read.on_or_off),
            blocked_domains=values.parsed("SHOAL_BLOCKED_DOMAINS", "", read.domains),
            nested_post_status=values.parsed("SHOAL_NESTED_POST_STATUS", "200", read.whole_number(200, 201)),
            failpoints=values.parsed(failpoints.VARIABLE, "", lambda text: failpoints.folder(text, origin)),
        )


def load_settings() -> Settings:
    """The settings of this process; a wrong one ends it with status 2 and one line on stderr."""
    try:
        return Settings.from_env(os.environ, Path(".env"))
    except SettingsError as error:
        print(f"shoal: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like ours and are not: mostly slips of the pen."""
    known = {doc.name for doc in SETTINGS_DOCS} | {failpoints.VARIABLE}
    return sorted(name for name in environ if name.startswith("SHOAL_") and name not in known)


def runtime_dir(data_dir: Path) -> Path:
    """Where the sockets of the server on `data_dir` live.

    Not inside it: a socket's path has `MAX_SOCKET_PATH` bytes at most, and a mounted folder may refuse sockets.
    """
    key = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"shoal-{os.getuid()}-{key}"


class _Values:
    """Variables by name; the environment wins over the file, and blank counts as unset."""

    def __init__(self, environ: Mapping[str, str], dotenv: Mapping[str, str]) -> None:
        self._sources = (environ, dotenv)

    def text(self, name: str) -> str | None:
        for source in self._sources:
            if name in source:
                return source[name].strip() or None
        return None

    def parsed(self, name: str, default: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(self.text(name) or default)
        except ValueError as error:
            raise SettingsError(f"{name} {error}") from error


def _read_origin(values: _Values, port: int) -> str:
    if values.text("SHOAL_ORIGIN") is None and values.text("DATABASE_URL") is not None:
        raise SettingsError("SHOAL_ORIGIN is required with DATABASE_URL, for example https://chat.example")
    return values.parsed("SHOAL_ORIGIN", f"http://localhost:{port}", read.origin)


def _read_bind(values: _Values, origin: str, *, is_port_given: bool) -> tuple[str, ...]:
    is_public = is_port_given or origin.startswith("https://")
    return values.parsed("SHOAL_BIND", "0.0.0.0" if is_public else "127.0.0.1,::1", read.addresses)  # noqa: S104  Documented.


def _read_secret_keys(values: _Values, origin: str, data_dir: Path) -> tuple[str, ...]:
    if values.text("SHOAL_SECRET_KEY") is not None:
        return values.parsed("SHOAL_SECRET_KEY", "", read.secret_ring)
    if origin.startswith("https://"):
        raise SettingsError("SHOAL_SECRET_KEY is required with an https SHOAL_ORIGIN")
    if values.text("DATABASE_URL") is not None:
        # A secret in a folder beside a database elsewhere is lost sooner or later, and all that it sealed with it.
        raise SettingsError("SHOAL_SECRET_KEY is required with DATABASE_URL")
    return (_development_secret(data_dir / "secret_key"),)


def _read_bucket(values: _Values) -> BucketSettings | None:
    bucket = values.parsed("SHOAL_S3_BUCKET", "", read.bucket)
    endpoint = values.parsed("SHOAL_S3_ENDPOINT", "", read.endpoint)
    access_key, secret_key = values.text("SHOAL_S3_ACCESS_KEY"), values.text("SHOAL_S3_SECRET_KEY")
    if (access_key is None) != (secret_key is None):
        raise SettingsError("SHOAL_S3_ACCESS_KEY and SHOAL_S3_SECRET_KEY are set together or not at all")
    if not bucket:
        return None
    if find_spec("boto3") is None:
        raise SettingsError("SHOAL_S3_BUCKET needs boto3: pip install 'shoal[s3]'")
    region = values.text("SHOAL_S3_REGION") or "us-east-1"
    return BucketSettings(
        bucket=bucket, endpoint=endpoint or None, region=region, access_key=access_key, secret_key=secret_key
    )


def _make_data_dir(text: str) -> Path:
    try:
        folder = Path(text).expanduser().resolve()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise SettingsError(f"SHOAL_DATA cannot be used: {error}") from error
    return folder


def _development_secret(path: Path) -> str:
    """The secret kept in `path`, made there first if it is not; of two processes that make it, both get the first's."""
    try:
        if not path.exists():
            _write_secret(path)
        with path.open(encoding="ascii") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise SettingsError(f"SHOAL_DATA holds a secret that others may read: chmod 600 {path}")
            secret = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"SHOAL_DATA holds a secret that cannot be read: {error}") from error
    if len(secret) < read.SECRET_LENGTH_MIN:
        raise SettingsError(f"SHOAL_DATA holds a damaged secret: {path} is too short")
    return secret


def _write_secret(path: Path) -> None:
    """Make the file whole and on disk before it has its name: nobody reads half a secret, even after a power cut."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".secret_key-")  # mkstemp's mode is 0600.
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return  # Another process was first.
    finally:
        Path(draft).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read_file(path: Path | None) -> dict[str, str]:
    try:
        return read_dotenv(path) if path is not None and path.exists() else {}
    except ValueError as error:
        raise SettingsError(str(error)) from error


_current: Settings | None = None


def configure(settings: Settings) -> Settings:
    """Make `settings` those of this process."""
    global _current  # noqa: PLW0603  One process has one configuration.
    _current = settings
    failpoints.arm(settings.failpoints)
    return settings


def current() -> Settings:
    if _current is None:
        raise RuntimeError("app.settings.configure was not called")
    return _current
