"""Every setting of this server and what it is now, but for what nobody may be shown."""

from __future__ import annotations

import re
from typing import Any, Final

from app.queries.server_settings import NAMES, ServerSettings, server_settings
from app.settings import MEGABYTE, Settings, current

_HIDDEN: Final = "***"
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@]+(?=@)|(?<=password=)[^&]+")


def runtime_config() -> dict[str, Any]:
    """By name: those of the environment, which a restart changes, and those that the staff changes as it runs."""
    return started_with(current()) | changeable(server_settings())


def started_with(settings: Settings) -> dict[str, Any]:
    """What the server was started with, by the names of docs/configuration.md. Secrets are hidden from everybody."""
    bucket = settings.s3
    return {
        "PORT": settings.port,
        "SHOAL_ORIGIN": settings.origin,
        "SHOAL_BIND": ",".join(settings.bind),
        "SHOAL_DATA": str(settings.data_dir),
        "SHOAL_SECRET_KEY": _HIDDEN,
        "DATABASE_URL": _without_secrets(settings.database_url),
        "REDIS_URL": _without_secrets(settings.redis_url),
        "SHOAL_ALLOW_NETWORKS": ",".join(map(str, settings.allow_networks)),
        "SHOAL_CA_FILE": str(settings.ca_file) if settings.ca_file else None,
        "SHOAL_TRUSTED_PROXIES": ",".join(map(str, settings.trusted_proxies)),
        "SHOAL_WORKERS": settings.workers,
        "SHOAL_WORKER_THREADS": settings.worker_threads,
        "SHOAL_LOG_LEVEL": settings.log_level,
        "SHOAL_FLOWER_AUTH": _HIDDEN if settings.flower_auth else None,
        "SHOAL_FLOWER_PORT": settings.flower_port,
        "SHOAL_RATE_LIMIT": settings.rate_limit,
        "SHOAL_BACKUPS": str(settings.backup_dir),
        "SHOAL_CHECK_RELEASES": settings.check_releases,
        "SHOAL_LOCAL_SOCKET": str(settings.local_socket) if settings.local_socket else None,
        "SHOAL_ACTIVITYPUB": settings.activitypub,
        "SHOAL_BLOCKED_DOMAINS": ",".join(sorted(settings.blocked_domains)),
        "SHOAL_NESTED_POST_STATUS": settings.nested_post_status,
        "SHOAL_STORAGE_QUOTA": settings.storage_quota // MEGABYTE,
        "SHOAL_S3_BUCKET": bucket.bucket if bucket else None,
        "SHOAL_S3_ENDPOINT": bucket.endpoint if bucket else None,
        "SHOAL_S3_REGION": bucket.region if bucket else None,
        "SHOAL_S3_ACCESS_KEY": _HIDDEN if bucket and bucket.access_key else None,
        "SHOAL_S3_SECRET_KEY": _HIDDEN if bucket and bucket.secret_key else None,
    }


def changeable(settings: ServerSettings) -> dict[str, Any]:
    return {name.upper(): getattr(settings, name) for name in sorted(NAMES)}


def _without_secrets(url: str) -> str:
    return _CREDENTIALS.sub(_HIDDEN, url)
