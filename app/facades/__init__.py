"""One package for each outside contract: bytes in, one call, bytes out."""
