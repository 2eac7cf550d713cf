"""`make bench`: how fast this machine runs Shoal, each figure beside a limit measured in the same run."""
