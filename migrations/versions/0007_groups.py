"""Groups of direct messages: conversations with an address, a name and an icon, which people come to and leave."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.columns import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversations", sa.Column("uri", sa.String(length=2048), nullable=True))
    op.add_column("conversations", sa.Column("name", sa.String(length=255), nullable=True))
    op.add_column("conversations", sa.Column("icon_url", sa.String(length=2048), nullable=True))
    op.add_column("conversations", sa.Column("thread", sa.String(length=2048), nullable=True))
    op.add_column("participants", sa.Column("added_at", UtcDateTime(), nullable=True))
    op.create_index("ix_conversations_uri", "conversations", ["uri"], unique=True)


def downgrade() -> None:
    """Whoever is in a group then still reads it; what is said there would stand in a conversation of them for good."""
    op.drop_index("ix_conversations_uri", table_name="conversations")
    op.drop_column("participants", "added_at")
    for column in ("thread", "icon_url", "name", "uri"):
        op.drop_column("conversations", column)
