"""The settings as the documentation has them: name, default, meaning."""

from __future__ import annotations

from typing import NamedTuple


class SettingDoc(NamedTuple):
    """One row of the table in docs/configuration.md; a test compares the two."""

    name: str
    default: str
    help: str


SETTINGS_DOCS = (
    SettingDoc("PORT", "7575", "TCP port of the web process."),
    SettingDoc(
        "SHOAL_ORIGIN",
        "http://localhost:PORT",
        "Public origin, such as https://chat.example. Every address other servers see begins with it, so it never "
        "changes once people use the server. Required with DATABASE_URL; the default is for development only.",
    ),
    SettingDoc(
        "SHOAL_BIND",
        "127.0.0.1,::1",
        "IP addresses to listen on. The default becomes 0.0.0.0 when PORT is set in the process environment, as "
        "hosting platforms do, or when the origin is https.",
    ),
    SettingDoc("SHOAL_DATA", "./data", "Folder of the database, the files and the secret; made with mode 0700."),
    SettingDoc(
        "SHOAL_SECRET_KEY",
        "data folder/secret_key",
        "Secrets of at least 32 characters each, newest first, separated by commas: the first protects what is new, "
        "the rest only open what is old. Required with an https origin or DATABASE_URL; otherwise the file is made, "
        "mode 0600.",
    ),
    SettingDoc("DATABASE_URL", "SQLite in the data folder", "PostgreSQL: postgresql://user:password@host/name."),
    SettingDoc(
        "REDIS_URL",
        "bundled Valkey",
        "Redis or Valkey: redis://, rediss:// or unix://. Without it shoal serve starts its own, private to this user.",
    ),
    SettingDoc(
        "SHOAL_ALLOW_NETWORKS",
        "none",
        "Networks (CIDR, separated by commas) that outgoing requests may reach besides the public internet.",
    ),
    SettingDoc("SHOAL_CA_FILE", "none", "PEM file of a private CA to trust as well as the system's."),
    SettingDoc(
        "SHOAL_TRUSTED_PROXIES",
        "none",
        "Networks (CIDR, separated by commas) whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    ),
    SettingDoc("SHOAL_WORKERS", "1", "Web worker processes, 1 to 64; more than one is of use with DATABASE_URL only."),
    SettingDoc(
        "SHOAL_RATE_LIMIT",
        "6000",
        "Requests that one client network may make in five minutes, 25 to 999999, until an admin sets "
        "`max_rate_limit_requests`.",
    ),
    SettingDoc(
        "SHOAL_WORKER_THREADS",
        "8",
        "Threads of one Celery worker, 2 to 256: one alone, busy for minutes, would be taken for a worker that hears "
        "its broker no more.",
    ),
    SettingDoc("SHOAL_LOG_LEVEL", "info", "debug, info, warning or error."),
    SettingDoc(
        "SHOAL_FLOWER_AUTH",
        "none",
        "user:password for Flower, several separated by commas; shoal flower does not start without it.",
    ),
    SettingDoc("SHOAL_FLOWER_PORT", "5555", "TCP port of Flower."),
    SettingDoc("SHOAL_STORAGE_QUOTA", "1024", "Megabytes that one account's files may take, 1 to 999999."),
    SettingDoc(
        "SHOAL_S3_BUCKET",
        "none",
        "Bucket of an S3-compatible service for files, which are otherwise in the data folder; needs the s3 extra.",
    ),
    SettingDoc("SHOAL_S3_ENDPOINT", "AWS", "URL of the service, such as https://s3.example."),
    SettingDoc("SHOAL_S3_REGION", "us-east-1", "Region of the bucket."),
    SettingDoc(
        "SHOAL_S3_ACCESS_KEY",
        "AWS's own places",
        "Id of the access key; AWS's own places are its environment variables, files and roles.",
    ),
    SettingDoc("SHOAL_S3_SECRET_KEY", "AWS's own places", "The access key's secret."),
    SettingDoc(
        "SHOAL_BACKUPS",
        "data folder/backups",
        "Folder that the background task database_backup writes to, and no other.",
    ),
    SettingDoc(
        "SHOAL_CHECK_RELEASES",
        "none",
        "owner/name of the GitHub repository that is asked for its newest release every six hours; unset, nobody is "
        "asked anything.",
    ),
    SettingDoc(
        "SHOAL_LOCAL_SOCKET",
        "none",
        "Path of a Unix socket for clients of Punctum on this machine, private to this user; unset, there is none.",
    ),
    SettingDoc(
        "SHOAL_ACTIVITYPUB",
        "on",
        "off: nothing is taken or sent over ActivityPub, and other servers are spoken to over Punctum alone. It is for "
        "tests of that; the actor that requests are signed with is served still.",
    ),
    SettingDoc(
        "SHOAL_BLOCKED_DOMAINS",
        "none",
        "Domains, separated by commas, whose servers, and those below them, are refused: nothing is taken from them "
        "over ActivityPub or Punctum, asked of them, or told them.",
    ),
    SettingDoc(
        "SHOAL_NESTED_POST_STATUS",
        "200",
        "200 or 201: how Punctum answers a POST that makes something inside another object, such as a channel of a "
        "conference. 200 is the protocol's, 201 what clients of its reference server expect.",
    ),
)
