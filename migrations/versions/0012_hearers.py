"""Where each follow from elsewhere has its actor be told, so that very many followers are not looked at one by one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from activitypub.uris import domain_of

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ACTORS = sa.table("actors", *map(sa.column, ("id", "host", "inbox", "shared_inbox")))
_FOLLOWS = sa.table("follows", *map(sa.column, ("actor_id", "domain", "inbox", "is_shared")))


def upgrade() -> None:
    op.add_column("follows", sa.Column("domain", sa.String(255), nullable=True))
    op.add_column("follows", sa.Column("inbox", sa.String(2048), nullable=True))
    op.add_column("follows", sa.Column("is_shared", sa.Boolean(), nullable=False, server_default=sa.false()))
    _fill()
    is_elsewhere = sa.text("domain IS NOT NULL")
    for name, last in (("ix_follows_inbox", "inbox"), ("ix_follows_first", "id")):
        columns = ["target_id", "state", "domain", last]
        op.create_index(name, "follows", columns, postgresql_where=is_elsewhere, sqlite_where=is_elsewhere)


def _fill() -> None:
    connection = op.get_bind()
    of_host = sa.and_(_ACTORS.c.host == sa.bindparam("of_host"), _ACTORS.c.inbox != "")
    fill = (
        sa.update(_FOLLOWS)
        .where(_FOLLOWS.c.actor_id == _ACTORS.c.id, of_host)
        .values(
            domain=sa.bindparam("of_domain"),
            inbox=sa.func.coalesce(_ACTORS.c.shared_inbox, _ACTORS.c.inbox),
            is_shared=_ACTORS.c.shared_inbox.is_not(None),
        )
    )
    hosts = connection.execute(sa.select(_ACTORS.c.host).where(_ACTORS.c.host.is_not(None)).distinct()).scalars().all()
    for host in hosts:
        connection.execute(fill, {"of_host": host, "of_domain": domain_of(host)})


def downgrade() -> None:
    for name in ("ix_follows_first", "ix_follows_inbox"):
        op.drop_index(name, table_name="follows")
    for column in ("is_shared", "inbox", "domain"):
        op.drop_column("follows", column)
