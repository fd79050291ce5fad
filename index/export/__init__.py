"""Copies of a collection, or of parts of it, for other programs and for safety."""
