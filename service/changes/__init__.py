"""Pictures that join and leave the collection, at once or as jobs."""
