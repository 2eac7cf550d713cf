"""Which inboxes have a message, for as long as it lives; and what a request under an Idempotency-Key asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "receipts",
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("inbox", sa.String(length=2048), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_receipts_message_id_messages"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "inbox", name=op.f("pk_receipts")),
    )
    op.add_column("activities", sa.Column("request_digest", sa.String(length=255), nullable=True))


def downgrade() -> None:
    op.drop_column("activities", "request_digest")
    op.drop_table("receipts")
