"""What a place is, by the names of what is there."""

from collections.abc import Iterable

from index.sourcing.lookup import TAR, ZIP
from index.sourcing.members import is_picture
from index.sourcing.tables import TABLES
from models.errors import InputError

SHARDS = "*.tar"


def are_shards(files: Iterable[str], folders: Iterable[str]) -> bool:
    """Whether a folder with these, by name, is one of shards: it has neither pictures nor folders
    beside them, hidden ones apart."""
    files, folders = ([name for name in names if name[0] not in "._"] for names in (files, folders))
    return not folders and not any(map(is_picture, files)) and any(n.endswith(TAR) for n in files)


def other_kind(place: object) -> InputError:
    """Of a file that is no source; errors call it by its str()."""
    kinds = ", ".join((TAR, ZIP, *TABLES))
    return InputError(f"{place}: a file of another kind: expected a folder, or one of {kinds}")
