"""Indexes of what is tried again, and of pictures by their small copies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_small_copy = sa.text("thumbnail IS NOT NULL")
    op.create_index(
        "ix_blobs_thumbnail", "blobs", ["thumbnail"], postgresql_where=is_small_copy, sqlite_where=is_small_copy
    )
    is_tried = sa.text("state = 'queued' AND attempts > 0")
    op.create_index(
        "ix_inbox_items_tried",
        "inbox_items",
        ["state", "host", "author_uri", "position"],
        postgresql_where=is_tried,
        sqlite_where=is_tried,
    )


def downgrade() -> None:
    op.drop_index("ix_inbox_items_tried", table_name="inbox_items")
    op.drop_index("ix_blobs_thumbnail", table_name="blobs")
