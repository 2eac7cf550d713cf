"""The database: one engine, short write transactions, reads that cannot write, wake-ups after the commit."""

from __future__ import annotations

import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import (
    CompoundSelect,
    Connection,
    CursorResult,
    Dialect,
    Engine,
    ExceptionContext,
    MetaData,
    Result,
    Select,
    create_engine,
    event,
)
from sqlalchemy import Row as SqlRow
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.orm.util import identity_key
from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState

from app.errors import UnavailableError
from app.insertion import WritingSession, send_before

if TYPE_CHECKING:
    from app.impatience import ImpatientConnection

LOCK_WAIT_SECONDS = 5.0  # Then 503: a writer that waits longer only makes the queue longer (fault F15).
_POOL_WAIT_SECONDS = 3.0
_SQLITE_BUSY_SECONDS = 0.02  # sqlite3 sleeps inside C and stops every greenlet, so the waiting is done here.

_TRIES = 3
_IDLE = 0  # libpq's PQTRANS_IDLE.
# PostgreSQL's names for it (appendix A of its manual).
_DEADLOCK = "40P01"
_TOOK_TOO_LONG = "57014"
_TOO_LARGE = "54"  # The class of whatever is beyond a limit of the program.
_READ_ONLY = "25006"

Wake = tuple[str, str]
AnySelect = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]
AnyRow = SqlRow[*tuple[Any, ...]]
Row = TypeVar("Row", bound="Base")
Done = TypeVar("Done")


class DeadlockError(UnavailableError):
    """PostgreSQL ended this transaction, because it and another one waited for each other; the other went on."""


class TooMuchError(UnavailableError):
    """PostgreSQL ended one statement, which took too long or is beyond what it can do; it is there for others."""


class Base(DeclarativeBase):
    """Every table. Constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class _ReadingSession(Session):
    """One in which a flush is a mistake of ours and raises."""


class Database:
    """An engine with the two ways into it."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        # A read of several statements may see a commit between them; every caller can live with that, and it saves two
        # round trips a request. Connections are mostly taken for reading, so it is what writes that says so.
        self.engine = _make_engine(self.url)
        self.writing_engine = self.engine.execution_options(
            **{"sqlite_begin": "BEGIN IMMEDIATE"} if self.is_sqlite else {"isolation_level": "READ COMMITTED"}
        )
        self._write_lock = threading.Lock() if self.is_sqlite else None
        self._open = threading.local()  # `session`: the transaction this thread or greenlet is in.

    @contextmanager
    def transaction(self, *, is_one_statement: bool = False) -> Iterator[Session]:
        """One transaction: all of it is stored when the block ends, or nothing.

        SQLite has one writer, so here its turn is taken without stopping other greenlets. What was asked for with
        `wake` is told after the commit. Where the block writes with one statement alone, saying so spares PostgreSQL
        two round trips: each statement is then a transaction, and what fails after it undoes nothing.

        Raises UnavailableError when storage is locked, full or away.
        """
        if self.is_inside:
            raise RuntimeError("a transaction inside a transaction")
        by_itself = is_one_statement and not self.is_sqlite
        engine = self.engine if by_itself else self.writing_engine
        session = WritingSession(engine, expire_on_commit=False, autoflush=False)
        with self._write_turn():
            try:
                with storage_errors():
                    self._begin(session)
                    self._open.session = session
                    yield session
                    session.commit()
            except BaseException:
                session.rollback()
                raise
            finally:
                self._open.session = None
                session.close()
        tell_wakes(session.info.get("wakes", {}))

    @property
    def is_inside(self) -> bool:
        """Whether a transaction is open here."""
        return self._open_session is not None

    @property
    def _open_session(self) -> Session | None:
        return getattr(self._open, "session", None)

    @contextmanager
    def joined(self) -> Iterator[Session]:
        """The transaction that is open here, which then stores it, or one of its own."""
        if (session := self._open_session) is not None:
            yield session
            return
        with self.transaction() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reading. Inside a transaction it is that one: what was loaded or written there is seen, and
        a row that it holds already is not asked for again."""
        if (session := self._open_session) is not None:
            yield session
            return
        session = _ReadingSession(self.engine, expire_on_commit=False, autoflush=False)
        try:
            with storage_errors():
                yield session
        finally:
            session.close()

    def _begin(self, session: Session) -> None:
        deadline = time.monotonic() + LOCK_WAIT_SECONDS
        while True:
            try:
                session.connection()
                return
            except OperationalError as error:
                session.rollback()
                if not _is_sqlite_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(random.uniform(0.001, 0.01))  # noqa: S311  Not a secret.

    @contextmanager
    def _write_turn(self) -> Iterator[None]:
        if self._write_lock is None:
            yield
            return
        if not self._write_lock.acquire(timeout=LOCK_WAIT_SECONDS):
            raise UnavailableError
        try:
            yield
        finally:
            self._write_lock.release()


def upsert(session: Session, table: type[Base]) -> postgresql.Insert:
    """An INSERT that can say ON CONFLICT, which both databases know and SQLAlchemy writes once for each."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return cast("postgresql.Insert", dialect.insert(table))


def find_loaded(session: Session, table: type[Row], id: str) -> Row | None:
    """The row with this primary key if the session holds it already, without asking the database."""
    found = session.identity_map.get(identity_key(table, id))
    return found if isinstance(found, table) else None


def rows_of(session: Session, columns: AnySelect, values: Mapping[str, Any]) -> Sequence[AnyRow]:
    """What a statement of columns finds, past the ORM, which has nothing to add to them and takes as long as the
    database: for what every request asks."""
    send_before(session, columns.get_execution_options())
    return session.connection().execute(columns, values).all()


def row_count(result: Result[Any]) -> int:
    """How many rows an UPDATE, DELETE or INSERT touched."""
    return cast("CursorResult[Any]", result).rowcount


def wake(session: Session, kind: str, key: str = "") -> None:
    """Ask that `kind` be told of `key` once this transaction is committed; asked twice is told once.

    A lost wake-up costs seconds and never data, because every kind is swept.
    """
    session.info.setdefault("wakes", {})[(kind, key)] = None


def tell_wakes(wakes: dict[Wake, None]) -> None:
    for kind, key in wakes:
        for listener in _wake_listeners:
            listener(kind, key)


def on_wake(listener: Callable[[str, str], None]) -> None:
    """Register who hears of committed work. A listener must not raise and must not block."""
    _wake_listeners.append(listener)


_wake_listeners: list[Callable[[str, str], None]] = []
_database: Database | None = None


def connect(url: str) -> Database:
    """Make `url` the database of this process."""
    global _database  # noqa: PLW0603  One process serves one database.
    _database = Database(url)
    return _database


def database() -> Database:
    if _database is None:
        raise RuntimeError("app.db.connect was not called")
    return _database


def transaction(*, is_one_statement: bool = False) -> AbstractContextManager[Session]:
    return database().transaction(is_one_statement=is_one_statement)


def joined() -> AbstractContextManager[Session]:
    return database().joined()


def is_inside() -> bool:
    """Whether a transaction is open here."""
    return database().is_inside


def reading() -> AbstractContextManager[Session]:
    return database().reading()


def _make_engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(
            url,
            connect_args={"check_same_thread": False, "timeout": _SQLITE_BUSY_SECONDS},
            pool_size=10,
            max_overflow=30,
            pool_timeout=_POOL_WAIT_SECONDS,
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    engine = create_engine(
        url,
        # Writers beyond the cores only queue inside the server; the pool is where a flood waits and is refused. None of
        # it is closed again: a new connection costs as much as ten transactions.
        pool_size=20,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_SECONDS,
        pool_use_lifo=True,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        connect_args={
            "connect_timeout": 3,
            "tcp_user_timeout": 5000,
            "options": "-c timezone=UTC "  # In which UtcDateTime takes what comes.
            "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000",
        },
    )
    event.listen(engine, "do_connect", _connect_impatiently)
    event.listen(engine, "reset", _refuse_busy)
    event.listen(engine, "handle_error", _leave_useless)
    return engine


def _connect_impatiently(
    _dialect: Dialect, _record: ConnectionPoolEntry, arguments: Sequence[Any], options: Mapping[str, Any]
) -> ImpatientConnection:
    """For SQLAlchemy's event `do_connect`."""
    return _kind_of_connection().connect(*arguments, **options)


def _refuse_busy(connection: ImpatientConnection, _record: ConnectionPoolEntry, _state: PoolResetState) -> None:
    """Have the pool throw away a connection that comes back in the middle of a statement.

    One that commits by itself is not rolled back, and so would answer the next with what was meant for the last. Those
    in a transaction are, which tells of itself when it cannot be done.
    """
    if connection.autocommit and connection.pgconn.transaction_status != _IDLE:
        raise RuntimeError("a connection comes back with a statement under way")


def _leave_useless(context: ExceptionContext) -> None:
    """Have the pool throw away all connections when one leads to a server that only reads, as that one does whose place
    another has taken, or remembers plans of tables that were altered since, which it would be refused for ever."""
    error: Any = context.original_exception
    diagnosis = getattr(error, "diag", None)
    has_old_plan = getattr(diagnosis, "source_function", None) == "RevalidateCachedQuery"
    if has_old_plan or getattr(error, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True


def _kind_of_connection() -> type[ImpatientConnection]:
    """Neither psycopg nor gevent is loaded where it is not used."""
    if "gevent.monkey" in sys.modules and sys.modules["gevent.monkey"].is_module_patched("socket"):
        from app.greenlet_connection import GreenletConnection

        return GreenletConnection
    from app.impatience import ImpatientConnection

    return ImpatientConnection


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours to say, see _begin_sqlite.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # WAL with NORMAL may lose acknowledged commits at a power cut.
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-16000",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))


def _refuse_flush(*_: object) -> None:
    raise RuntimeError("a reading session may not write")


event.listen(_ReadingSession, "before_flush", _refuse_flush)


def despite_deadlocks(do: Callable[[], Done]) -> Done:
    """What `do` does in a transaction of its own, done again where that had to make way for another.

    Acts lock what they are about, and then what is noted of the instances that hear of it; and what those instances
    say locks the two the other way round. Raises DeadlockError when that happens three times.
    """
    for _ in range(_TRIES - 1):
        if is_inside():
            break  # It is the outer transaction that was ended.
        try:
            return do()
        except DeadlockError:
            pass
    return do()


def _is_sqlite_busy(error: DBAPIError) -> bool:
    return isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)


def _kind_of(error: BaseException | None) -> type[UnavailableError]:
    state = getattr(error, "sqlstate", None) or ""
    if state == _DEADLOCK:
        return DeadlockError
    is_too_much = state == _TOOK_TOO_LONG or state.startswith(_TOO_LARGE)
    return TooMuchError if is_too_much else UnavailableError


@contextmanager
def storage_errors() -> Iterator[None]:
    """Storage that is locked, full or away is the operator's trouble: 503, never a 500."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise _kind_of(getattr(error, "orig", None)) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise UnavailableError from error
        raise
