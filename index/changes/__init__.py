"""Live changes: what joins and leaves a collection while it is searched and built."""
