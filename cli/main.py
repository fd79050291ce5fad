"""The command `pictor`: its verbs, and the one place where errors become exit codes.

Exit code 2 with one plain line for a mistake of the user's, 1 where `inspect --verify` found
faults, 130 after Ctrl-C; never a traceback for either.
"""

import sys

import click
import typer

from cli import indexing, research, searching, serving, vectors
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
        indexing.inspect,
    ),
    "Models": (vectors.models, vectors.embed),
    "Measure and train": (research.scenes, research.evaluate, research.train),
}
for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)


def main() -> None:
    """Run the command; the one place where errors become exit codes."""
    try:
        code = app(standalone_mode=False)
    except click.ClickException as error:
        note(f"pictor: {' '.join(error.format_message().split())}")
        sys.exit(USER_MISTAKE)
    except PictorError as error:
        note(f"pictor: {' '.join(str(error).split())}")
        sys.exit(USER_MISTAKE)
    except (KeyboardInterrupt, click.Abort):
        note("pictor: stopped; nothing half-written was kept")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
