"""Files: what people upload, made ready, kept, and let go of."""
