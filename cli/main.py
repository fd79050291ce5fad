"""The command `pictor`: its verbs, and the one place where errors become exit codes.

Exit code 2 with one plain line for a mistake of the user's, 1 where `inspect --verify` found
faults, 130 after Ctrl-C; never a traceback for either.
"""

import os
import sys

import typer
from typer.exceptions import TyperException

from cli import (
    converting,
    curating,
    evaluating,
    indexing,
    inspecting,
    publishing,
    research,
    searching,
    serving,
    vectors,
)
from cli.keys import keys
from cli.options import note
from models.errors import PictorError

USER_MISTAKE, INTERRUPTED = 2, 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find pictures by what they show: by text, by picture, and by picture + instruction.\n\n"
    "Try it: pictor demo. Your own photos: pictor index PHOTOS --out my-collection, then "
    'pictor search my-collection --text "two dogs in snow", or pictor serve my-collection.',
)

PANELS = {
    "Search your pictures": (
        serving.demo,
        indexing.index,
        searching.search,
        serving.serve,
        inspecting.inspect,
        publishing.publish,
        curating.duplicates,
        curating.export,
    ),
    "Models": (vectors.models, vectors.embed, converting.convert),
    "Measure and train": (
        research.scenes,
        evaluating.evaluate,
        research.triplets,
        research.train,
    ),
}
for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(keys, name="keys", rich_help_panel="Search your pictures")


def run(arguments: list[str]) -> int:
    """Run one command; the one place where errors become exit codes."""
    try:
        code = app(arguments, prog_name="pictor", standalone_mode=False)
    except TyperException as error:
        return _refused(error.format_message())
    except PictorError as error:
        return _refused(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        # a path that the user gave: a full disk, no permission, a folder where a file should be
        return _refused(f"{error.filename or 'file'}: {error.strerror or error}")
    except typer.Abort:
        code = INTERRUPTED
    if code == INTERRUPTED:  # typer's own code for Ctrl-C
        note("pictor: stopped")
    return code if isinstance(code, int) else 0


def _refused(message: str) -> int:
    if message:  # `pictor` alone has shown its help already
        note(f"pictor: {' '.join(message.split())}")
    return USER_MISTAKE


def main() -> None:
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read our output has left; nothing more can be said there
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
