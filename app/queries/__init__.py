"""Reads, always on behalf of a viewer or of the pipeline."""
