"""Tombstones: several actors may say that one URI is gone, and each is believed for what it could have made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Those of actors whom nobody here knows go."""
    op.add_column("tombstones", sa.Column("actor_id", sa.String(length=64), nullable=True))
    op.execute("UPDATE tombstones SET actor_id = (SELECT id FROM actors WHERE actors.uri = tombstones.actor_uri)")
    op.execute("DELETE FROM tombstones WHERE actor_id IS NULL")
    with op.batch_alter_table("tombstones") as table:
        table.alter_column("actor_id", existing_type=sa.String(length=64), nullable=False)
        table.drop_constraint("pk_tombstones", type_="primary")
        table.create_primary_key("pk_tombstones", ["uri", "actor_id"])
        table.drop_column("actor_uri")


def downgrade() -> None:
    """Of several that say so, one is kept."""
    op.add_column("tombstones", sa.Column("actor_uri", sa.String(length=2048), nullable=True))
    op.execute("UPDATE tombstones SET actor_uri = (SELECT uri FROM actors WHERE actors.id = tombstones.actor_id)")
    op.execute("DELETE FROM tombstones WHERE actor_uri IS NULL")
    op.execute(
        "DELETE FROM tombstones WHERE EXISTS (SELECT 1 FROM tombstones AS other"
        " WHERE other.uri = tombstones.uri AND other.actor_id < tombstones.actor_id)"
    )
    with op.batch_alter_table("tombstones") as table:
        table.alter_column("actor_uri", existing_type=sa.String(length=2048), nullable=False)
        table.drop_constraint("pk_tombstones", type_="primary")
        table.create_primary_key("pk_tombstones", ["uri"])
        table.drop_column("actor_id")
