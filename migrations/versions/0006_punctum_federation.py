"""Punctum between instances: known ids, subscriptions, what waits to be told, and the instances themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.columns import Sequence64, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_ids",
        sa.Column("local_id", sa.String(length=64), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("remote_id", sa.String(length=255), nullable=False),
        sa.Column("is_origin", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("local_id", "domain", name=op.f("pk_known_ids")),
        sa.UniqueConstraint("domain", "remote_id", name=op.f("uq_known_ids_domain_remote_id")),
    )
    op.create_table(
        "told_people",
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=255), nullable=False),
        sa.Column("status_text", sa.Text(), nullable=True),
        sa.Column("bot_owner_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["actors.id"], name=op.f("fk_told_people_actor_id_actors"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("actor_id", name=op.f("pk_told_people")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("target_id", sa.String(length=64), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("target_id", "domain", name=op.f("pk_subscriptions")),
    )
    op.create_index("ix_subscriptions_domain", "subscriptions", ["domain"])
    op.create_table(
        "outgoing",
        sa.Column("position", Sequence64, autoincrement=True, nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=255), nullable=False),
        sa.Column("object_id", sa.String(length=64), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_outgoing")),
        sa.UniqueConstraint("domain", "key", name=op.f("uq_outgoing_domain_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outgoing_domain", "outgoing", ["domain", "position"])
    op.create_table(
        "peers",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("speaks_activitypub", sa.Boolean(), nullable=False),
        sa.Column("silent_since", UtcDateTime(), nullable=True),
        sa.Column("next_probe_at", UtcDateTime(), nullable=True),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_peers")),
    )
    op.create_table(
        "told_instances",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("software", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain"], ["peers.domain"], name=op.f("fk_told_instances_domain_peers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_told_instances")),
        sa.UniqueConstraint("id", name=op.f("uq_told_instances_id")),
    )
    op.create_table(
        "seen_signatures",
        sa.Column("fingerprint", sa.String(length=255), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_seen_signatures")),
    )
    op.create_index(op.f("ix_seen_signatures_seen_at"), "seen_signatures", ["seen_at"])


def downgrade() -> None:
    for table in (
        *("seen_signatures", "told_instances", "peers", "outgoing"),
        *("subscriptions", "told_people", "known_ids"),
    ):
        op.drop_table(table)
