"""Hostile input: cases that are data, against a real server among remote hosts and a name service that obey the case."""
