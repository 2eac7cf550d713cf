"""Settings: what is read from where, and each refusal."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

import pytest

from app.setting_docs import SETTINGS_DOCS
from app.settings import BucketSettings, Settings, SettingsError, unknown_variables

SECRET = "s" * 32
PRODUCTION = {"SHOAL_ORIGIN": "https://chat.example", "SHOAL_SECRET_KEY": SECRET}
ReadSettings = Callable[..., Settings]


@pytest.fixture
def read(tmp_path: Path) -> ReadSettings:
    """Settings of a process in an empty folder."""

    def from_env(dotenv: str | None = None, **environ: str) -> Settings:
        path = None
        if dotenv is not None:
            path = tmp_path / ".env"
            path.write_text(dotenv)
        return Settings.from_env({"SHOAL_DATA": str(tmp_path / "data"), **environ}, path)

    return from_env


def test_without_any_variable_it_is_a_development_server(read: ReadSettings, tmp_path: Path) -> None:
    settings = read()

    assert settings.origin == "http://localhost:7575"
    assert settings.host == "localhost:7575"
    assert not settings.is_https
    assert settings.bind == ("127.0.0.1", "::1")
    assert settings.database_url == f"sqlite:///{tmp_path}/data/shoal.db"
    assert settings.has_own_broker
    assert settings.workers == 1
    assert settings.nested_post_status == 200
    assert settings.worker_threads == 8
    assert settings.log_level == "info"
    assert settings.allow_networks == settings.trusted_proxies == ()
    assert settings.ca_file is None
    assert settings.local_socket is None
    assert settings.flower_auth is None


def test_every_variable_arrives(read: ReadSettings, authority_file: Path) -> None:
    settings = read(
        PORT="8080",
        SHOAL_ORIGIN="https://Chat.Example:443/",
        SHOAL_SECRET_KEY=f"{SECRET}, {'t' * 40}",
        SHOAL_BIND="10.0.0.1, ::",
        DATABASE_URL="postgres://shoal:pw@db/shoal",
        REDIS_URL="redis://:pw@cache:6379/1",
        SHOAL_ALLOW_NETWORKS="10.0.0.0/8, fd00::/8",
        SHOAL_CA_FILE=str(authority_file),
        SHOAL_LOCAL_SOCKET=str(authority_file.with_name("shoal.sock")),
        SHOAL_TRUSTED_PROXIES="172.16.0.0/12,192.0.2.7",
        SHOAL_NESTED_POST_STATUS="201",
        SHOAL_WORKERS="2",
        SHOAL_WORKER_THREADS="16",
        SHOAL_LOG_LEVEL="DEBUG",
        SHOAL_FLOWER_AUTH="admin:pw",
        SHOAL_FLOWER_PORT="5556",
    )

    assert settings.port == 8080
    assert settings.origin == "https://chat.example"
    assert settings.is_https
    assert settings.secret_keys == (SECRET, "t" * 40)
    assert settings.bind == ("10.0.0.1", "::")
    assert settings.database_url == "postgresql+psycopg://shoal:pw@db/shoal"
    assert settings.redis_url == settings.broker_url == "redis://:pw@cache:6379/1"
    assert not settings.has_own_broker
    assert settings.allow_networks == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert settings.ca_file == authority_file
    assert settings.local_socket == authority_file.with_name("shoal.sock").resolve()
    assert settings.trusted_proxies == (ip_network("172.16.0.0/12"), ip_network("192.0.2.7"))
    assert settings.nested_post_status == 201
    assert settings.workers == 2
    assert settings.worker_threads == 16
    assert settings.log_level == "debug"
    assert settings.flower_auth == "admin:pw"
    assert settings.flower_port == 5556


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"SHOAL_ORIGIN": "https://chat.example"}, "SHOAL_SECRET_KEY is required with an https SHOAL_ORIGIN"),
        ({"DATABASE_URL": "postgres://db/shoal"}, "SHOAL_ORIGIN is required with DATABASE_URL"),
        ({"DATABASE_URL": "postgres://db/shoal", "SHOAL_SECRET_KEY": SECRET}, "SHOAL_ORIGIN is required"),
        ({"DATABASE_URL": "postgres://db/shoal", "SHOAL_ORIGIN": "http://lan"}, "SHOAL_SECRET_KEY is required"),
        ({"SHOAL_SECRET_KEY": "short"}, "SHOAL_SECRET_KEY must have at least 32 characters"),
        ({"SHOAL_SECRET_KEY": f"{SECRET},short"}, "SHOAL_SECRET_KEY must have at least 32 characters"),
        ({"SHOAL_SECRET_KEY": ","}, "SHOAL_SECRET_KEY must have at least 32 characters"),
        ({"PORT": "http"}, "PORT must be a whole number from 1 to 65535, not 'http'"),
        ({"PORT": "0"}, "PORT must be"),
        ({"PORT": "65536"}, "PORT must be"),
        ({"PORT": "\u0667\u0665"}, "PORT must be"),
        ({"SHOAL_ORIGIN": "chat.example"}, "SHOAL_ORIGIN must be like https://chat.example, not 'chat.example'"),
        ({"SHOAL_ORIGIN": "ftp://chat.example"}, "SHOAL_ORIGIN must be like"),
        ({"SHOAL_ORIGIN": "https://"}, "SHOAL_ORIGIN must be like"),
        ({"SHOAL_ORIGIN": "https://chat.example/path"}, "SHOAL_ORIGIN must be a scheme, a host and perhaps a port"),
        ({"SHOAL_ORIGIN": "https://chat.example?x"}, "SHOAL_ORIGIN must be a scheme"),
        ({"SHOAL_ORIGIN": "https://me@chat.example"}, "SHOAL_ORIGIN must be a scheme"),
        ({"SHOAL_ORIGIN": "https://chät.example"}, "SHOAL_ORIGIN has a host that is not a plain ASCII name"),
        ({"SHOAL_ORIGIN": "https://chat.example."}, "SHOAL_ORIGIN has a host"),
        ({"SHOAL_ORIGIN": "https://chat.example:99999"}, "SHOAL_ORIGIN Port out of range"),
        ({"SHOAL_ORIGIN": "https://chat.example:0"}, "SHOAL_ORIGIN cannot have port 0"),
        ({"SHOAL_ORIGIN": "https://[chat]"}, "SHOAL_ORIGIN "),
        ({"SHOAL_BIND": "localhost"}, "SHOAL_BIND 'localhost' does not appear to be an IPv4 or IPv6 address"),
        ({**PRODUCTION, "DATABASE_URL": "mysql://db/shoal"}, "DATABASE_URL must be like postgresql://"),
        ({**PRODUCTION, "DATABASE_URL": "postgresql"}, "DATABASE_URL must be like postgresql://"),
        ({"REDIS_URL": "http://cache"}, "REDIS_URL must be like redis://"),
        ({"REDIS_URL": "redis://"}, "REDIS_URL must be like redis://"),
        ({"SHOAL_ALLOW_NETWORKS": "10.0.0.1/8"}, "SHOAL_ALLOW_NETWORKS 10.0.0.1/8 has host bits set"),
        ({"SHOAL_ALLOW_NETWORKS": "0.0.0.0/0"}, "SHOAL_ALLOW_NETWORKS may name networks, not all addresses"),
        ({"SHOAL_ALLOW_NETWORKS": "10.0.0.0/8,::/0"}, "SHOAL_ALLOW_NETWORKS may name networks"),
        ({"SHOAL_TRUSTED_PROXIES": "proxy"}, "SHOAL_TRUSTED_PROXIES 'proxy' does not appear to be"),
        ({"SHOAL_CA_FILE": "/nowhere/ca.pem"}, "SHOAL_CA_FILE is not a readable PEM file"),
        ({"SHOAL_CA_FILE": __file__}, "SHOAL_CA_FILE is not a readable PEM file"),
        ({"SHOAL_LOCAL_SOCKET": "/nowhere/shoal.sock"}, "SHOAL_LOCAL_SOCKET is no path of at most 103 bytes"),
        ({"SHOAL_NESTED_POST_STATUS": "204"}, "SHOAL_NESTED_POST_STATUS must be a whole number from 200 to 201"),
        ({"SHOAL_WORKERS": "0"}, "SHOAL_WORKERS must be a whole number from 1 to 64"),
        ({"SHOAL_WORKER_THREADS": "1"}, "SHOAL_WORKER_THREADS must be a whole number from 2 to 256"),
        ({"SHOAL_LOG_LEVEL": "loud"}, "SHOAL_LOG_LEVEL must be one of debug, info, warning, error, not 'loud'"),
        ({"SHOAL_FLOWER_AUTH": "admin"}, "SHOAL_FLOWER_AUTH must be user:password"),
        ({"SHOAL_FLOWER_AUTH": "admin:"}, "SHOAL_FLOWER_AUTH must be user:password"),
        ({"SHOAL_FLOWER_PORT": "-1"}, "SHOAL_FLOWER_PORT must be"),
        ({"SHOAL_DATA": "/dev/null/data"}, "SHOAL_DATA cannot be used"),
        ({"SHOAL_STORAGE_QUOTA": "0"}, "SHOAL_STORAGE_QUOTA must be a whole number from 1 to 999999"),
        ({"SHOAL_S3_BUCKET": "My_Bucket"}, "SHOAL_S3_BUCKET must be a bucket's name, not 'My_Bucket'"),
        ({"SHOAL_S3_ENDPOINT": "s3.example"}, "SHOAL_S3_ENDPOINT must be like https://"),
        ({"SHOAL_S3_SECRET_KEY": SECRET}, "SHOAL_S3_ACCESS_KEY and SHOAL_S3_SECRET_KEY are set together"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_in_one_line_that_names_it(
    read: ReadSettings, environ: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError) as refusal:
        read(**environ)

    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)
    assert SECRET not in str(refusal.value)


def test_a_bucket_is_all_that_its_variables_say_and_its_key_is_not_shown(read: ReadSettings) -> None:
    assert read().s3 is None
    settings = read(
        SHOAL_S3_BUCKET="files",
        SHOAL_S3_ENDPOINT="https://s3.example",
        SHOAL_S3_ACCESS_KEY="id",
        SHOAL_S3_SECRET_KEY=SECRET,
    )

    assert settings.s3 == BucketSettings(
        bucket="files", endpoint="https://s3.example", region="us-east-1", access_key="id", secret_key=SECRET
    )
    assert SECRET not in repr(settings)
    assert settings.storage_quota == 1024 * 2**20


def test_blank_is_unset(read: ReadSettings) -> None:
    assert read(SHOAL_ORIGIN=" ", REDIS_URL="", SHOAL_WORKERS="") == read()


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("http://localhost:7575", "http://localhost:7575"),
        ("HTTP://LAN", "http://lan"),
        ("http://lan:80", "http://lan"),
        ("http://[::1]:7575", "http://[::1]:7575"),
        ("http://192.0.2.1:8080/", "http://192.0.2.1:8080"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(read: ReadSettings, given: str, origin: str) -> None:
    assert read(SHOAL_ORIGIN=given).origin == origin


@pytest.mark.parametrize(
    ("environ", "bind"),
    [
        ({}, ("127.0.0.1", "::1")),
        ({"PORT": "8080"}, ("0.0.0.0",)),
        (PRODUCTION, ("0.0.0.0",)),
        ({**PRODUCTION, "PORT": "8080", "SHOAL_BIND": "127.0.0.1"}, ("127.0.0.1",)),
    ],
)
def test_only_what_is_meant_for_others_listens_to_others(
    read: ReadSettings, environ: dict[str, str], bind: tuple[str, ...]
) -> None:
    assert read(**environ).bind == bind


def test_a_port_in_the_file_does_not_open_the_server_to_others(read: ReadSettings) -> None:
    settings = read("PORT=8080")

    assert settings.port == 8080
    assert settings.bind == ("127.0.0.1", "::1")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_through_psycopg_3(read: ReadSettings, scheme: str) -> None:
    settings = read(**PRODUCTION, DATABASE_URL=f"{scheme}://u:p@db:5432/shoal?sslmode=require")

    assert settings.database_url == "postgresql+psycopg://u:p@db:5432/shoal?sslmode=require"


@pytest.mark.parametrize(
    ("given", "redis_url", "broker_url"),
    [
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock", "redis+socket:///run/valkey.sock"),
        ("rediss://c", "rediss://c?ssl_cert_reqs=required", "rediss://c?ssl_cert_reqs=required"),
        ("rediss://c?ssl_cert_reqs=none", "rediss://c?ssl_cert_reqs=none", "rediss://c?ssl_cert_reqs=none"),
    ],
)
def test_redis_urls_are_spelled_for_redis_and_for_celery(
    read: ReadSettings, given: str, redis_url: str, broker_url: str
) -> None:
    settings = read(REDIS_URL=given)

    assert (settings.redis_url, settings.broker_url) == (redis_url, broker_url)


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(read: ReadSettings) -> None:
    settings = read("SHOAL_WORKERS=3\nSHOAL_WORKER_THREADS=4\n", SHOAL_WORKERS="2")

    assert (settings.workers, settings.worker_threads) == (2, 4)


@pytest.mark.parametrize(
    "line",
    [
        "SHOAL_FLOWER_AUTH=a:b",
        "export SHOAL_FLOWER_AUTH=a:b",
        "  SHOAL_FLOWER_AUTH = a:b   # who may watch",
        'SHOAL_FLOWER_AUTH="a:b" # who may watch',
        "# a comment\n\nSHOAL_FLOWER_AUTH='a:b'\n",
    ],
)
def test_the_file_is_written_as_for_a_shell(read: ReadSettings, line: str) -> None:
    assert read(line).flower_auth == "a:b"


@pytest.mark.parametrize("password", ["p#q", "p q", "p=q", 'p"q', "$HOME"])
def test_nothing_in_a_value_of_the_file_is_special(read: ReadSettings, password: str) -> None:
    assert read(f"SHOAL_FLOWER_AUTH='a:{password}'").flower_auth == f"a:{password}"


def test_a_value_without_quotes_may_hold_a_hash(read: ReadSettings) -> None:
    assert read("SHOAL_FLOWER_AUTH=a:p#q").flower_auth == "a:p#q"


def test_a_file_of_an_editor_that_marks_its_encoding_is_read(read: ReadSettings) -> None:
    assert read("\ufeffSHOAL_WORKERS=2\n").workers == 2


@pytest.mark.parametrize("line", ["SHOAL_WORKERS", "SHOAL_WORKERS: 2", "SHOAL_WORKERS='2", "=2", "'SHOAL_WORKERS'=2"])
def test_a_line_of_the_file_that_is_no_setting_is_refused(read: ReadSettings, tmp_path: Path, line: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        read(f"PORT=1\n{line}\n")

    assert str(refusal.value) == f"{tmp_path}/.env line 2 is not NAME=value"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.from_env({}, tmp_path)


def test_the_development_secret_is_made_once_and_for_this_user_only(read: ReadSettings, tmp_path: Path) -> None:
    first = read().secret_keys

    file = tmp_path / "data" / "secret_key"
    assert read().secret_keys == first == (file.read_text().strip(),)
    assert len(first[0]) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_processes_that_start_together_get_one_secret(read: ReadSettings) -> None:
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: read().secret_keys, range(32)))

    assert len(set(rings)) == 1


def test_a_given_secret_leaves_no_file(read: ReadSettings, tmp_path: Path) -> None:
    read(SHOAL_SECRET_KEY=SECRET)

    assert list((tmp_path / "data").iterdir()) == []


def test_a_secret_that_others_may_read_is_refused(read: ReadSettings, tmp_path: Path) -> None:
    read()
    (tmp_path / "data" / "secret_key").chmod(0o640)

    with pytest.raises(SettingsError, match="chmod 600"):
        read()


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 64])
def test_a_damaged_secret_is_refused_and_not_replaced(read: ReadSettings, tmp_path: Path, content: bytes) -> None:
    read()
    file = tmp_path / "data" / "secret_key"
    file.write_bytes(content)

    with pytest.raises(SettingsError, match="SHOAL_DATA holds a"):
        read()
    assert file.read_bytes() == content


def test_no_secret_is_in_the_repr(read: ReadSettings) -> None:
    settings = read(
        **PRODUCTION,
        DATABASE_URL="postgres://u:db-password@db/shoal",
        REDIS_URL="redis://:redis-password@cache",
        SHOAL_FLOWER_AUTH="a:flower-password",
    )

    assert SECRET not in repr(settings)
    assert "password" not in repr(settings)


def test_two_data_folders_have_two_brokers(tmp_path: Path) -> None:
    one, other = (Settings.from_env({"SHOAL_DATA": str(tmp_path / name)}, None) for name in ("one", "other"))

    assert one.redis_url != other.redis_url
    assert len(one.redis_url.removeprefix("unix://")) <= 103  # A socket's path on macOS; Linux allows four more.


def test_a_slip_of_the_pen_is_noticed() -> None:
    names = {doc.name: "" for doc in SETTINGS_DOCS}

    assert unknown_variables({**names, "SHOAL_ORGIN": "x", "SHELL": "x"}) == ["SHOAL_ORGIN"]
