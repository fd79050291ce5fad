"""Near-duplicates: all pairs of near vectors, and the groups that they make."""
