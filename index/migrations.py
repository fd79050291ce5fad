"""The catalogue's form, as numbered steps: step n takes format_version n to n + 1.

A step that has been released is never edited. `migrate` runs inside the caller's transaction.
"""

import sqlite3

from index.changes import delta
from index.overview import layouts
from models.errors import CollectionError


class FormatError(CollectionError):
    """A database that is not a catalogue of this or an earlier format."""


# what SQLite itself derives from an occurrence, whoever writes it: facts to filter by, and words
KNOWN = """
    INSERT OR IGNORE INTO facts (field, value, item_id, occurrence)
        SELECT key, atom, NEW.item_id, NEW.key FROM json_each(NEW.metadata) WHERE atom IS NOT NULL;
    INSERT INTO words (rowid, caption, path) VALUES (NEW.key, NEW.caption, NEW.path);
"""
FORGOTTEN = """
    DELETE FROM facts WHERE occurrence = OLD.key;
    INSERT INTO words (words, rowid, caption, path)
        VALUES ('delete', OLD.key, OLD.caption, OLD.path);
"""
# the same, and each value of a list of them
KNOWN_EACH = f"""{KNOWN}
    INSERT OR IGNORE INTO facts (field, value, item_id, occurrence)
        SELECT listed.key, each.atom, NEW.item_id, NEW.key
        FROM json_each(NEW.metadata) AS listed CROSS JOIN
            json_each(CASE listed.type WHEN 'array' THEN listed.value ELSE '[]' END) AS each
        WHERE each.atom IS NOT NULL;
"""
# what follows the last slash of a path
NAME = "substr(path, length(rtrim(path, replace(path, '/', ''))) + 1)"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
        "CREATE TABLE roots (name TEXT PRIMARY KEY, path TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE items (
            id TEXT PRIMARY KEY, bytes INTEGER NOT NULL, width INTEGER NOT NULL,
            height INTEGER NOT NULL, format TEXT NOT NULL,
            taken_at TEXT, latitude REAL, longitude REAL, camera TEXT
        ) WITHOUT ROWID""",
        """CREATE TABLE occurrences (
            source TEXT NOT NULL, path TEXT NOT NULL,
            item_id TEXT NOT NULL REFERENCES items (id),
            caption TEXT, metadata TEXT NOT NULL,
            PRIMARY KEY (source, path)
        ) WITHOUT ROWID""",
        "CREATE INDEX occurrences_of_item ON occurrences (item_id)",
        "CREATE TABLE failures (source TEXT NOT NULL, path TEXT NOT NULL, reason TEXT NOT NULL)",
        """CREATE TABLE segments (
            position INTEGER PRIMARY KEY, name TEXT NOT NULL, rows INTEGER NOT NULL,
            bytes INTEGER NOT NULL, checksum TEXT NOT NULL
        )""",
        """CREATE TABLE indexes (
            name TEXT PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
            checksum TEXT NOT NULL
        ) WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE spaces (
            position INTEGER PRIMARY KEY, model TEXT NOT NULL, revision TEXT NOT NULL,
            dimension INTEGER NOT NULL
        )""",
        """INSERT INTO spaces SELECT 0, model.value, revision.value, dimension.value
            FROM meta AS model, meta AS revision, meta AS dimension
            WHERE model.key = 'space_model' AND revision.key = 'space_revision'
            AND dimension.key = 'space_dimension'""",
        "DELETE FROM meta WHERE key IN ('space_model', 'space_revision', 'space_dimension')",
        "ALTER TABLE indexes ADD COLUMN space INTEGER NOT NULL DEFAULT 0",
    ),
    (
        "ALTER TABLE occurrences RENAME TO occurrences_2",
        "DROP INDEX occurrences_of_item",
        # `stamp` changes whenever the file may have; null where it is to be read each time
        """CREATE TABLE occurrences (
            key INTEGER PRIMARY KEY, source TEXT NOT NULL, path TEXT NOT NULL,
            item_id TEXT NOT NULL REFERENCES items (id),
            caption TEXT, metadata TEXT NOT NULL, stamp TEXT, UNIQUE (source, path)
        )""",
        "CREATE INDEX occurrences_of_item ON occurrences (item_id)",
        # every scalar of an occurrence's metadata, in its own type
        """CREATE TABLE facts (
            field TEXT NOT NULL, value NOT NULL, item_id TEXT NOT NULL, occurrence INTEGER NOT NULL,
            PRIMARY KEY (field, value, item_id, occurrence)
        ) WITHOUT ROWID""",
        "CREATE INDEX facts_of_occurrence ON facts (occurrence)",
        """CREATE VIRTUAL TABLE words USING fts5 (
            caption, path, content = 'occurrences', content_rowid = 'key',
            tokenize = 'unicode61 remove_diacritics 2'
        )""",
        f"CREATE TRIGGER occurrence_added AFTER INSERT ON occurrences BEGIN {KNOWN} END",
        f"CREATE TRIGGER occurrence_removed AFTER DELETE ON occurrences BEGIN {FORGOTTEN} END",
        f"""CREATE TRIGGER occurrence_changed
            AFTER UPDATE OF key, path, item_id, caption, metadata ON occurrences
            BEGIN {FORGOTTEN} {KNOWN} END""",
        """INSERT INTO occurrences (source, path, item_id, caption, metadata)
            SELECT source, path, item_id, caption, metadata FROM occurrences_2
            ORDER BY source, path""",
        "DROP TABLE occurrences_2",
        *(
            f"CREATE INDEX items_by_{column} ON items ({column})"
            for column in ("taken_at", "camera", "latitude", "longitude", "width", "height")
        ),
        "ALTER TABLE items ADD COLUMN content TEXT",
        # rows of segments whose items have left
        """CREATE TABLE dead (
            segment TEXT NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (segment, row)
        ) WITHOUT ROWID""",
        # an index covers the first of the segments; what it was tuned to, as JSON
        "ALTER TABLE indexes ADD COLUMN segments INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE indexes ADD COLUMN settings TEXT NOT NULL DEFAULT '{}'",
        "UPDATE indexes SET segments = (SELECT count(*) FROM segments)",
    ),
    (
        # of what an earlier format has taken only the latest moment is known
        "ALTER TABLE items ADD COLUMN added_at TEXT",
        "UPDATE items SET added_at = (SELECT value FROM meta WHERE key = 'updated_at')",
        "CREATE INDEX items_by_added_at ON items (added_at)",
        """CREATE TRIGGER item_added AFTER INSERT ON items WHEN NEW.added_at IS NULL BEGIN
            UPDATE items SET added_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')
            WHERE id = NEW.id; END""",
        f"CREATE INDEX occurrences_by_name ON occurrences ({NAME}, item_id)",
        "DROP TRIGGER occurrence_added",
        "DROP TRIGGER occurrence_changed",
        f"CREATE TRIGGER occurrence_added AFTER INSERT ON occurrences BEGIN {KNOWN_EACH} END",
        f"""CREATE TRIGGER occurrence_changed
            AFTER UPDATE OF key, path, item_id, caption, metadata ON occurrences
            BEGIN {FORGOTTEN} {KNOWN_EACH} END""",
    ),
    delta.STEP,
    layouts.STEP,
)
FORMAT_VERSION = len(MIGRATIONS)


def format_version(connection: sqlite3.Connection) -> int:
    """0 where nothing was ever published; raises FormatError for a newer or a foreign database."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not tables:
        return 0
    row = None
    if "meta" in tables:
        row = connection.execute("SELECT value FROM meta WHERE key = 'format_version'").fetchone()
    if row is None:
        raise FormatError("a database, but not a collection's catalogue")
    version = int(row[0])
    if version > FORMAT_VERSION:
        raise FormatError(
            f"format_version is {version}, this Pictor reads up to {FORMAT_VERSION}: upgrade Pictor"
        )
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the catalogue to FORMAT_VERSION."""
    for step in MIGRATIONS[format_version(connection) :]:
        for statement in step:
            connection.execute(statement)
    connection.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('format_version', ?)", (FORMAT_VERSION,)
    )


def upgrade(connection: sqlite3.Connection) -> int:
    """Migrate what an earlier Pictor has published; gives the version found, 0 for nothing."""
    version = format_version(connection)
    if 0 < version < FORMAT_VERSION:
        connection.execute("BEGIN IMMEDIATE")
        migrate(connection)
        connection.execute("COMMIT")
    return version
