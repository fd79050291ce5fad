"""pyarrow, which reads and writes Parquet; the one file of the index that imports it.

load_pyarrow(doing) -> its module and that of Parquet. Raises InputError naming the extra to install
where it is missing.
"""

import importlib
from typing import Any

from models.errors import InputError


def load_pyarrow(doing: str, instead: str = "") -> tuple[Any, Any]:
    """`doing` Parquet needs it, as in "reading"; `instead` says what else there is to do."""
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        extra = "install Pictor with its extra, pip install '.[data]'"
        raise InputError(f"{doing} Parquet needs pyarrow: {extra}{instead}") from error
