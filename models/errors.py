"""Pictor's one small tree of errors: what went wrong, where, what was expected, what was there.

Everything that Pictor raises on purpose is a PictorError whose text is one plain line for a person.
Errors of other libraries are translated where they enter, `from error`. The command turns an
InputError into exit code 2; the service maps each class to a status in one table.
"""


class PictorError(Exception):
    """Root of the tree; its text is one plain line."""


class InputError(PictorError):
    """The caller asked for something that cannot be done as asked."""


class ImageError(InputError):
    """A picture that cannot be read whole, or that is over a limit."""


class ImageTooLargeError(ImageError):
    """A picture over the byte or the pixel limit; nothing of it was decoded."""


class ModelError(InputError):
    """A model that cannot be found, read or run as asked."""


class ModelMemoryError(ModelError):
    """A batch that does not fit the memory of the device that the model runs on."""


class UnsupportedComposerError(InputError):
    """A composer that this model cannot use; the text lists those that it can."""


class NoHeatError(PictorError):
    """A model that has no map of a picture to compare with a text."""


class EngineError(PictorError):
    """The machines that were to do a job's work cannot be reached, or cannot do it."""


class SpaceError(PictorError):
    """Vectors of two spaces were about to be compared."""


class CollectionError(PictorError):
    """A collection that is missing, unreadable, locked, or not what was expected."""


class NoRoomError(CollectionError):
    """A collection that has no room for what was to be written; it is as it was."""


class ReadOnlyError(CollectionError):
    """A collection that this process may read and not write."""


class LockedError(CollectionError):
    """A collection that others have been writing for as long as one waits."""


class CursorError(InputError):
    """A cursor that was not made here, or that belongs to another query."""


class UnknownItemError(InputError):
    """An id that is not in the collection."""


class WithheldError(PictorError):
    """An original that may tell more than is given out."""


class GoneError(PictorError):
    """An item is known, but the file that it was found in cannot be read any more."""
