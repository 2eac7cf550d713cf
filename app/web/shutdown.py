"""Where an application says what is to be done when its web process is told to stop."""

from typing import Final

ON_SHUTDOWN: Final = "shoal.on_shutdown"
"""In `Flask.extensions`: functions without arguments, such as one that closes sockets."""
