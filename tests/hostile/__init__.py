"""Hostile input: cases that are data, against a real server; remote hosts and the name service obey the case."""
