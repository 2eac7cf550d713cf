"""Shoal: the service."""
