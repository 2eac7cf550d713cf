"""Writes of rows that replaying the activities would rebuild."""
