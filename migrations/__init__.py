"""Alembic revisions; each can be taken back."""
