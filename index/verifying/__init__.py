"""Whether a collection is sound."""
