"""Where a job's pictures are read, decoded and embedded: on this machine, or on a Ray cluster."""
