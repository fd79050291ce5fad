"""The model at work: what is asked of it is read, batched, run in fair turns, and kept."""
