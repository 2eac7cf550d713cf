"""Fuzzing: what strangers' bytes may never do, held in the suite by Hypothesis and by coverage in `make fuzz`."""
