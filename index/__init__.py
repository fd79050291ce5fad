"""Sources, the indexing job, the collection on disk, and the one place where a query meets a
gallery."""
