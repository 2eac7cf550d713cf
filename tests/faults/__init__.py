"""Faults: real servers, broken on purpose, and a checker of what they promised meanwhile."""
