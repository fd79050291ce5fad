"""Beyond this machine only with keys, or because somebody said so in words.

refuse_exposure(settings, files) raises InputError, saying what to do, where the address listened on
can be reached from other machines, the collection, whose keys are in the folder `files`, has never
had one, and `open_to_everyone` is not set.
"""

from pathlib import Path

from models.errors import InputError
from service.access.keyring import Keyring
from service.access.keys_file import KeysFile, keys_file_of
from service.guards.callers import is_loopback
from service.settings import Settings


def refuse_exposure(settings: Settings, files: Path) -> None:
    if settings.open_to_everyone or is_loopback(settings.host):
        return
    if Keyring(KeysFile(settings.keys_file or keys_file_of(files))).in_force:
        return
    raise InputError(
        f"{settings.host} can be reached from other machines, and this collection has no keys: "
        "whoever finds it would see and change all of it. Make a key with `pictor keys "
        f"{files} create --name NAME`, or say --open-to-everyone "
        "(PICTOR_OPEN_TO_EVERYONE=true) if that is meant"
    )
