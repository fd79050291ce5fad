"""Filters and lists: the grammar, the facts that it asks for, and which items satisfy it."""
