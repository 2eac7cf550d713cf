"""The sockets of this process: their frames, who is on them, and the feed of events they are told of."""
