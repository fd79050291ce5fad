"""Sources, the indexing job, the collection on disk, and the one place where a query meets a
gallery.

- The job: job, scan (found, known, reading, decoders, embedding), journal and parts (what a killed
  job leaves), staging and building (segments, indexes), publishing; previous is what was there.
- Sources: sources and sourcing/ (arrow for Parquet), folder_walk, sidecars, exif; addresses and
  fetching for the web; importing for vectors made elsewhere; originals and opened read a picture
  again, gps/ without its place.
- The collection: folder, lock, migrations, catalogue, items, segments, indexes; collection and
  snapshot are what a reader sees; verify, backup.
- The query: search and cursor, gallery, neighbours; words, hybrid and fusing beside vectors.
- FAISS: faiss alone imports it; choosing, effort, tuning, truth, units.
- Filters: filters and ranges (what is asked), facts and columns (what is there), matching; fields
  knows the names. Pages of all items: listing and orders; counts of values: facets.
- Taken out again: duplicates (near, outlines, disjoint_sets), export_vectors, export_pictures.
"""
