"""The supervisor: one process that starts, watches and stops the processes of an embedded server."""
