"""A collection in Milvus: searched there by vectors and filters, and changed while it is searched.

address.py      milvus://HOST:PORT/NAME
forms.py        columns, and kinds of index
client.py       the few calls of pymilvus, and its failures as ours
records.py      an item and its vectors, as a row
terms.py        the values that a filter asks for, as columns of that row
expressions.py  a filter as an expression over those columns
notes.py        what is said of a generation besides its rows, and what has changed since
generation.py   one published generation: rows read and written
gallery.py      its vectors, as a search sees them
measuring.py    how many of the true nearest its index finds
mirror.py       its facts in SQLite, for what Milvus has no query for
plot.py         its vectors in memory, for overviews
snapshot.py     what one reader sees
collection.py   open for reading by many threads
changes.py      pictures that join and leave
bringing.py     what was added and deleted, into the folder
publishing.py   from a folder's collection to a new generation, and the alias's switch
"""
