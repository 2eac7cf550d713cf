"""The tables of the whole PufferBlow API: files, roles, moderation, notifications, search, node auth, operations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.columns import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SEARCH_INDEX = {
    "postgresql": (
        "CREATE INDEX ix_search_terms_terms ON search_terms USING gin (to_tsvector('simple'::regconfig, terms))",
    ),
    "sqlite": (
        """
        CREATE VIRTUAL TABLE search_index
        USING fts5(terms, content='search_terms', content_rowid='id', detail='none', columnsize=0)
        """,
        """
        CREATE TRIGGER search_terms_insert AFTER INSERT ON search_terms BEGIN
            INSERT INTO search_index (rowid, terms) VALUES (new.id, new.terms);
        END
        """,
        """
        CREATE TRIGGER search_terms_delete AFTER DELETE ON search_terms BEGIN
            INSERT INTO search_index (search_index, rowid, terms) VALUES ('delete', old.id, old.terms);
        END
        """,
        """
        CREATE TRIGGER search_terms_update AFTER UPDATE ON search_terms BEGIN
            INSERT INTO search_index (search_index, rowid, terms) VALUES ('delete', old.id, old.terms);
            INSERT INTO search_index (rowid, terms) VALUES (new.id, new.terms);
        END
        """,
    ),
}


def upgrade() -> None:
    op.create_table(
        "background_tasks",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("total_runtime", sa.Double(), nullable=False),
        sa.Column("last_run_at", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("running_since", UtcDateTime(), nullable=True),
        sa.Column("next_run_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_background_tasks")),
    )
    op.create_table(
        "blobs",
        sa.Column("digest", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=255), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("blurhash", sa.String(length=255), nullable=True),
        sa.Column("thumbnail", sa.String(length=255), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["thumbnail"], ["blobs.digest"], name=op.f("fk_blobs_thumbnail_blobs")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_blobs")),
    )
    op.create_table(
        "samples",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "taken_at", name=op.f("pk_samples")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=True),
        sa.Column("target", sa.String(length=2048), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["actors.id"], name=op.f("fk_audit_entries_actor_id_actors"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_entries")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_entries_created_at"), "audit_entries", ["created_at"])
    op.create_index(op.f("ix_audit_entries_type"), "audit_entries", ["type"])
    op.create_table(
        "blocked_networks",
        sa.Column("network", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("blocked_by", sa.String(length=64), nullable=True),
        sa.Column("blocked_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("last_attempt_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["blocked_by"], ["actors.id"], name=op.f("fk_blocked_networks_blocked_by_actors"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("network", name=op.f("pk_blocked_networks")),
    )
    op.create_table(
        "files",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=255), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("directory", sa.String(length=255), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["blobs.digest"], name=op.f("fk_files_digest_blobs")),
        sa.ForeignKeyConstraint(["owner_id"], ["actors.id"], name=op.f("fk_files_owner_id_actors"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
    )
    op.create_index(op.f("ix_files_digest"), "files", ["digest"])
    op.create_index("ix_files_directory", "files", ["directory", "id"])
    op.create_index("ix_files_owner", "files", ["owner_id", "id"])
    op.create_table(
        "pings",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("sender_id", sa.String(length=64), nullable=False),
        sa.Column("target_id", sa.String(length=64), nullable=True),
        sa.Column("target_url", sa.String(length=2048), nullable=True),
        sa.Column("activity_uri", sa.String(length=2048), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.String(length=255), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=False),
        sa.Column("acked_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["actors.id"], name=op.f("fk_pings_sender_id_actors"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["target_id"], ["actors.id"], name=op.f("fk_pings_target_id_actors"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pings")),
    )
    op.create_index(op.f("ix_pings_expires_at"), "pings", ["expires_at"])
    op.create_index("ix_pings_sender", "pings", ["sender_id", "id"])
    op.create_index("ix_pings_target", "pings", ["target_id", "id"])
    op.create_table(
        "reports",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=255), nullable=False),
        sa.Column("reporter_id", sa.String(length=64), nullable=False),
        sa.Column("target_id", sa.String(length=64), nullable=False),
        sa.Column("message_ids", sa.JSON(), nullable=False),
        sa.Column("channel_ids", sa.JSON(), nullable=False),
        sa.Column("category", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("evidence", sa.LargeBinary(), nullable=True),
        sa.Column("activity_uri", sa.String(length=2048), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.Column("resolved_by", sa.String(length=64), nullable=True),
        sa.Column("resolution", sa.String(length=255), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["reporter_id"], ["actors.id"], name=op.f("fk_reports_reporter_id_actors"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["resolved_by"], ["actors.id"], name=op.f("fk_reports_resolved_by_actors"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["target_id"], ["actors.id"], name=op.f("fk_reports_target_id_actors"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index("ix_reports_reporter", "reports", ["reporter_id", "id"])
    op.create_index("ix_reports_status", "reports", ["status", "id"])
    op.create_index(op.f("ix_reports_target_id"), "reports", ["target_id"])
    op.create_table(
        "node_challenges",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("node_id", sa.String(length=255), nullable=False),
        sa.Column("nonce", sa.String(length=255), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("consumed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.actor_id"],
            name=op.f("fk_node_challenges_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node_challenges")),
    )
    op.create_index(op.f("ix_node_challenges_expires_at"), "node_challenges", ["expires_at"])
    op.create_table(
        "node_sessions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("node_id", sa.String(length=255), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=255), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.actor_id"], name=op.f("fk_node_sessions_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_node_sessions_digest")),
    )
    op.create_index(op.f("ix_node_sessions_account_id"), "node_sessions", ["account_id"])
    op.create_table(
        "node_trusts",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("node_id", sa.String(length=255), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=True),
        sa.Column("secret_hash", sa.String(length=255), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.actor_id"], name=op.f("fk_node_trusts_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "node_id", name=op.f("pk_node_trusts")),
    )
    op.create_table(
        "roles",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("space_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("privileges", sa.JSON(), nullable=False),
        sa.Column("sees_private", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.actor_id"], name=op.f("fk_roles_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roles")),
        sa.UniqueConstraint("space_id", "name_key", name=op.f("uq_roles_space_id_name_key")),
    )
    op.create_table(
        "attachments",
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("file_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["files.id"], name=op.f("fk_attachments_file_id_files"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_attachments_message_id_messages"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "file_id", name=op.f("pk_attachments")),
    )
    op.create_index(op.f("ix_attachments_file_id"), "attachments", ["file_id"])
    op.create_table(
        "notifications",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.actor_id"], name=op.f("fk_notifications_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["actors.id"], name=op.f("fk_notifications_actor_id_actors"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_notifications_message_id_messages"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint(
            "account_id", "message_id", "type", name=op.f("uq_notifications_account_id_message_id_type")
        ),
    )
    op.create_index("ix_notifications_account", "notifications", ["account_id", "id"])
    op.create_index(op.f("ix_notifications_message_id"), "notifications", ["message_id"])
    op.create_table(
        "search_terms",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_search_terms_message_id_messages"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_terms")),
        sa.UniqueConstraint("message_id", name=op.f("uq_search_terms_message_id")),
    )
    for statement in _SEARCH_INDEX[op.get_bind().dialect.name]:
        op.execute(statement)
    op.create_table(
        "history_gaps",
        sa.Column("place_id", sa.String(length=64), nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place_id", "block", name=op.f("pk_history_gaps")),
    )
    op.execute(
        """
        INSERT INTO history_gaps (place_id, block, deleted)
        SELECT coalesce(channel_id, conversation_id), position / 1024, count(*)
        FROM messages WHERE deleted_at IS NOT NULL GROUP BY 1, 2
        """
    )
    op.create_table(
        "former_names",
        sa.Column("local_name", sa.String(length=255), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["actors.id"], name=op.f("fk_former_names_actor_id_actors"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("local_name", name=op.f("pk_former_names")),
    )
    op.add_column("inbox_items", sa.Column("author_uri", sa.String(length=2048), nullable=True))
    op.add_column("accounts", sa.Column("timeout_reason", sa.Text(), nullable=True))
    op.add_column("actors", sa.Column("image_url", sa.String(length=2048), nullable=True))


def downgrade() -> None:
    op.drop_column("actors", "image_url")
    op.drop_column("accounts", "timeout_reason")
    op.drop_column("inbox_items", "author_uri")
    op.drop_table("former_names")
    op.drop_table("history_gaps")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE search_index")
    op.drop_table("search_terms")
    op.drop_table("notifications")
    op.drop_table("attachments")
    op.drop_table("roles")
    op.drop_table("node_trusts")
    op.drop_table("node_sessions")
    op.drop_table("node_challenges")
    op.drop_table("reports")
    op.drop_table("pings")
    op.drop_table("files")
    op.drop_table("blocked_networks")
    op.drop_table("audit_entries")
    op.drop_table("samples")
    op.drop_table("blobs")
    op.drop_table("background_tasks")
