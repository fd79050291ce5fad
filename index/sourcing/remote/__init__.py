"""Sources in other file systems, a bucket among them, through fsspec."""
