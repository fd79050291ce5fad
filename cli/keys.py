"""`pictor keys`: who may ask the service for a collection's pictures.

The key itself goes to standard output, once: nothing that is kept tells it again.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson, CollectionPath, note, print_json
from models.errors import InputError

if TYPE_CHECKING:
    from service.access.keys_file import KeysFile

MINUTE = "%Y-%m-%d %H:%M UTC"

keys = typer.Typer(
    no_args_is_help=True,
    help="Make, list and revoke the keys that callers of the service must show.\n\n"
    "pictor keys my-collection create --name phone --expires 90d\n\n"
    "Once a collection has had a key, a server asks everybody for one, from then on and without "
    "a restart; a revoked key is good for nothing from then on.",
)


@keys.callback()
def of_collection(
    context: typer.Context,
    collection: CollectionPath,
    keys_file: Annotated[
        Path | None,
        typer.Option(
            envvar="PICTOR_KEYS_FILE",
            help="Where the keys are, if not in the collection; serve it with PICTOR_KEYS_FILE.",
        ),
    ] = None,
) -> None:
    from index.folder import is_collection
    from service.access.keys_file import KeysFile, keys_file_of

    if not is_collection(collection):
        raise InputError(f"{collection}: no collection there")
    context.obj = KeysFile(keys_file or keys_file_of(collection))


@keys.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="Whose key it is, or for what; in lists and logs.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read or write; repeatable.", show_default="read"),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(help="12h, 90d, or a day as 2027-01-31.", show_default="never"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, once."""
    from service.access.keys import make_key, parse_expiry, scopes_of

    file: KeysFile = context.obj
    until = parse_expiry(expires, datetime.now(UTC)) if expires else None
    key, text = make_key(name, scopes_of(scope or ["read"]), until)
    file.add(key)
    if as_json:
        print_json({**key.described(), "key": text})
        return
    typer.echo(text)
    note(f"key {key.id} for {name}: {', '.join(sorted(key.scopes))}; it is not shown again")


@keys.command("list")
def list_keys(context: typer.Context, as_json: AsJson = False) -> None:
    """Print what is known of each key: id, name, scopes, when it was made, when it ends."""
    file: KeysFile = context.obj
    found = file.read()
    if as_json:
        print_json([key.described() for key in found])
        return
    for key in found:
        ends = f"until {key.expires_at:{MINUTE}}" if key.expires_at else "never ends"
        has_ended = " (ended)" if key.has_expired(datetime.now(UTC)) else ""
        scopes = ",".join(sorted(key.scopes))
        made = f"{key.created_at:{MINUTE}}"
        typer.echo(f"{key.id}  {scopes:<10}  {made}  {ends}{has_ended}  {key.name}")


@keys.command()
def revoke(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="Its name or its id.")],
) -> None:
    """Make a key good for nothing, at once, with every session that it has begun."""
    file: KeysFile = context.obj
    revoked = file.revoke(key)
    note(f"revoked {revoked.id}, {revoked.name}")
