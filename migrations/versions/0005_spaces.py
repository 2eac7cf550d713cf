"""Spaces beside the home space: members, invites, permission bits, custom emoji, bots."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.ids import new_id
from app.models.columns import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


_GOODBYES = (
    """
    UPDATE actors SET deleted_at = :now, local_name = NULL
    WHERE id IN (SELECT actor_id FROM spaces WHERE NOT is_home UNION SELECT actor_id FROM channels WHERE has_bits)
    """,
    "UPDATE channels SET deleted_at = :now WHERE has_bits",
    "DELETE FROM role_grants WHERE space_id IN (SELECT actor_id FROM spaces WHERE NOT is_home)",
    "DELETE FROM roles WHERE space_id IN (SELECT actor_id FROM spaces WHERE NOT is_home)",
)


def upgrade() -> None:
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)
    op.create_index(op.f("ix_accounts_bot_owner_id"), "accounts", ["bot_owner_id"])
    op.create_table(
        "custom_emoji",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("shortcode", sa.String(length=255), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("image_url", sa.String(length=2048), nullable=False),
        sa.Column("space_id", sa.String(length=64), nullable=True),
        sa.Column("creator_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["actors.id"], name=op.f("fk_custom_emoji_creator_id_actors"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.actor_id"], name=op.f("fk_custom_emoji_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_emoji")),
        sa.UniqueConstraint("space_id", "shortcode", name=op.f("uq_custom_emoji_space_id_shortcode")),
    )
    op.create_table(
        "invites",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("space_id", sa.String(length=64), nullable=False),
        sa.Column("creator_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["actors.id"], name=op.f("fk_invites_creator_id_actors"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.actor_id"], name=op.f("fk_invites_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invites")),
        sa.UniqueConstraint("name_key", name=op.f("uq_invites_name_key")),
    )
    op.create_index(op.f("ix_invites_space_id"), "invites", ["space_id"])
    is_reply = sa.text("in_reply_to IS NOT NULL")
    op.create_index(
        "ix_messages_in_reply_to", "messages", ["in_reply_to"], postgresql_where=is_reply, sqlite_where=is_reply
    )
    members = op.create_table(
        "members",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("space_id", sa.String(length=64), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("nickname", sa.String(length=255), nullable=True),
        sa.Column("permissions", sa.Integer(), nullable=True),
        sa.Column("joined_at", UtcDateTime(), nullable=False),
        sa.Column("banned_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["actors.id"], name=op.f("fk_members_actor_id_actors"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.actor_id"], name=op.f("fk_members_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint("space_id", "actor_id", name=op.f("uq_members_space_id_actor_id")),
    )
    op.create_index(op.f("ix_members_actor"), "members", ["actor_id"])
    _enter_home(members)


def downgrade() -> None:
    """Spaces beside the home space end with it: without their members, nobody could be told from anybody there."""
    connection = op.get_bind()
    now = sa.bindparam("now", datetime.now(UTC), type_=UtcDateTime())
    for statement in _GOODBYES:
        connection.execute(sa.text(statement).bindparams(*([now] if ":now" in statement else [])))
    op.drop_index("ix_messages_in_reply_to", "messages")
    op.drop_table("members")
    op.drop_table("invites")
    op.drop_table("custom_emoji")
    op.drop_index(op.f("ix_accounts_bot_owner_id"), "accounts")
    for table, columns in _added().items():
        for column in reversed(columns):
            op.drop_column(table, column.name)


def _added() -> dict[str, tuple[sa.Column[Any], ...]]:
    """By table; made anew each time, because a column belongs to one table."""
    return {
        "accounts": (
            sa.Column("status_text", sa.Text(), nullable=True),
            sa.Column("is_indexed", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("bot_owner_id", sa.String(length=64), nullable=True),
        ),
        "channels": (
            sa.Column("has_bits", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("permissions", sa.Integer(), nullable=True),
            sa.Column("category_id", sa.String(length=64), nullable=True),
            sa.Column("description", sa.Text(), nullable=True),
        ),
        "reports": (sa.Column("object_id", sa.String(length=64), nullable=True),),
        "roles": (
            sa.Column("permissions", sa.Integer(), nullable=True),
            sa.Column("color", sa.JSON(), nullable=True),
            sa.Column("description", sa.Text(), nullable=True),
        ),
        "spaces": (
            sa.Column("is_listed", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("permissions", sa.Integer(), nullable=False, server_default="143"),
            sa.Column("description", sa.Text(), nullable=True),
        ),
    }


def _enter_home(members: sa.Table) -> None:
    """Whoever has an account has been in the home space since."""
    connection = op.get_bind()
    home = connection.scalar(sa.text("SELECT actor_id FROM spaces WHERE is_home"))
    actors = sa.table("actors", sa.column("id"), sa.column("created_at", UtcDateTime()), sa.column("deleted_at"))
    accounts = sa.table("accounts", sa.column("actor_id"), sa.column("banned_at", UtcDateTime()))
    known: sa.Select[Any] = (
        sa.select(actors.c.id, actors.c.created_at, accounts.c.banned_at)
        .join_from(actors, accounts, accounts.c.actor_id == actors.c.id)
        .where(actors.c.deleted_at.is_(None))
    )
    rows = [
        {"id": new_id("member"), "space_id": home, "actor_id": id_, "joined_at": created_at, "banned_at": banned_at}
        for id_, created_at, banned_at in connection.execute(known)
    ]
    if rows:
        connection.execute(sa.insert(members), rows)
