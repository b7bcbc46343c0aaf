"""cat: the content of one file, at the version that the inventory has."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from filesync_dagster.cli.options import pass_invocation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.core.content import ContentStream


@click.command()
@click.argument("name")
@click.argument("path")
@click.option("--id", "by_id", is_flag=True, help="PATH is an id (external_id).")
@click.option("--export", "form", metavar="FORMAT", help="For documents without bytes of their own: pdf, docx, xlsx, …")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Where to: all or nothing.")
@pass_invocation
def cat(invocation: Invocation, name: str, path: str, *, by_id: bool, form: str | None, output: Path | None) -> None:
    """Write the content of a file to standard output, as the store has it.

    It is the version that the inventory has. When that is no longer there, or came wrong, the exit code is 1; what
    came before that was found is on standard output, but never the end of it. A file named with -o is written whole
    or not at all.
    """
    with invocation.open() as filesync, filesync.open_file(name, path, by_id=by_id, export=form) as content:
        if output is None:
            for block in content:
                sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
            return
        with _whole_file(output) as file, _progress(content) as note:
            for block in content:
                file.write(block)
                note(len(block))
    click.echo(f"{output}: {content.hasher.length:,} bytes written.", err=True)


@contextmanager
def _whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that gets its name when all went well, and is removed otherwise. Raises ClickException."""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror or error}.") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)  # as any new file; the temporary one is for nobody else
        Path(temporary).replace(path)
    except OSError as error:
        raise click.ClickException(f"{path} could not be written: {error.strerror or error}.") from error
    finally:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()


@contextmanager
def _progress(content: ContentStream) -> Iterator[Callable[[int], None]]:
    """Show how far it is on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    from filesync_dagster.cli.text import console

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=content.size)
        yield lambda count: bars.advance(task, count)
