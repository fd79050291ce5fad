"""Sources other than folders: archives, tables of addresses or paths, other file systems, and
vectors made elsewhere."""
