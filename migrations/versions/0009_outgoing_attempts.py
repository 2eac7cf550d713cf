"""What cannot be told over Punctum is set aside: how often it was tried by itself, and until when it waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.columns import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outgoing", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outgoing", sa.Column("next_attempt_at", UtcDateTime(), nullable=True))
    op.drop_index("ix_outgoing_domain", table_name="outgoing")
    op.create_index("ix_outgoing_domain", "outgoing", ["domain", "attempts", "position"])


def downgrade() -> None:
    op.drop_index("ix_outgoing_domain", table_name="outgoing")
    op.create_index("ix_outgoing_domain", "outgoing", ["domain", "position"])
    for column in ("next_attempt_at", "attempts"):
        op.drop_column("outgoing", column)
