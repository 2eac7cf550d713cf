"""How the server is configured, started, watched and stopped."""
