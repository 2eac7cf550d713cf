"""ActivityPub as values: documents, signatures, proofs and fetching, with no framework and no database."""
