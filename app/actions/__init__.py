"""Writes no other server needs to hear of."""
