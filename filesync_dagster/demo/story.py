"""What the demo does, in order. Each step shows the command that it runs."""

import json
import random
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from filesync_dagster.config import Environment, read_environment
from filesync_dagster.demo.mutations import a_minute, busy_morning
from filesync_dagster.demo.sample import bucket_files, folder_files
from filesync_dagster.demo.stores import ACCESS_KEY_ID, BUCKET, Bucket, Folder, Store, free_port, s3_server
from filesync_dagster.errors import NotWritable, ServiceError
from filesync_dagster.serving import dagster_environment, require_free, serve, until_told

MARK = ".filesync-demo"
"""A file that says: this folder is a demo's, and may be emptied by the next one. It holds the port of the S3 server."""

S3_PORT = 8333

ENDPOINTS = """\
# Written by `filesync demo`, anew each time it starts.
endpoints:
  - name: engineering_files
    type: s3
    title: Engineering Files
    description: Drawings and specifications in a bucket of a real S3 server.
    project_id: eng-project-001
    user_id: engineer@company.com
    endpoint_details:
      endpoint_url: {url}
      bucket: {bucket}
      region: us-east-1
      access_key_id: {access_key_id}
      secret_access_key: {secret} # of a server with sample data that ends with the demo; yours belong in ${{NAME}}
    schedule_config: {{interval_minutes: 1}}

  - name: office_share
    type: local
    title: Office Share
    description: Contracts and photos in a folder of this machine.
    endpoint_details: {{path: {folder}}}
    filters: {{exclude: ["**/~$*"]}}
    schedule_config: {{interval_minutes: 1}}
"""


@dataclass(frozen=True)
class Place:
    """Where the demo lives and under which variables its commands run."""

    home: Path
    environment: Environment

    def run(self, *arguments: str) -> int:
        """Run a command of filesync as a person would; return its exit code."""
        click.secho(f"\n$ filesync {shlex.join(arguments)}", bold=True)
        sys.stdout.flush()
        return subprocess.run(self._command(arguments), env=self.variables, cwd=self.home, check=False).returncode  # noqa: S603 - our own command

    def inventory(self, name: str) -> dict[str, int | None]:
        """Return what `filesync files` says: the size of every file by its path."""
        command = self._command(("files", name, "--format", "json"))
        done = subprocess.run(command, env=self.variables, cwd=self.home, check=False, capture_output=True)  # noqa: S603 - our own command
        if done.returncode:
            raise ServiceError(f"`filesync files {name}` failed: {done.stderr.decode().strip()}")
        # Not splitlines(): a name may hold a character that it takes for the end of a line.
        rows = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
        return {row["path"]: row["size"] for row in rows if row["kind"] == "file"}

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment of every process of the demo."""
        return self.environment.variables

    @staticmethod
    def _command(arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "filesync_dagster.cli", *arguments]


def _typed() -> str:
    """Return what a person types to run this filesync: its name, or its path when the virtual environment is not on."""
    name = "filesync"
    ours = Path(sys.executable).with_name(name)
    found = shutil.which(name)
    return name if not ours.exists() or (found and Path(found).samefile(ours)) else shlex.quote(str(ours))


def run_demo(environment: Environment, home: Path, host: str, port: int, *, once: bool, keep: bool) -> bool:
    """Run the demo; return whether the inventory was equal to the stores. Raises ServiceError, NotWritable."""
    if not once:
        require_free(host, port)
    home = home.absolute()
    s3_port = _prepare(home, keep=keep)
    with ExitStack() as cleanup:
        server = s3_server(home / "s3", home / "s3.log", s3_port, environment.variables)
        url, secret = cleanup.enter_context(server)
        place = Place(home, _environment(environment, home))
        stores: dict[str, Store] = {
            "engineering_files": Bucket(url, secret),
            "office_share": Folder(home / "office"),
        }
        rng = random.Random(None if keep else 7)  # noqa: S311 - sample data
        _configure(place, url, secret)
        _fill(place, stores, url, rng)
        true = _show(place, stores, rng)
        click.secho(f"\nTo look around: cd {shlex.quote(str(home))} && {_typed()} status", bold=True)
        if not once:
            _serve(place, stores, host, port, rng)
    return true


def _prepare(home: Path, *, keep: bool) -> int:
    """Make the demo's folder, empty unless it is to be kept; return the port for its S3 server."""
    mark = home / MARK
    if home.exists() and any(home.iterdir()) and not mark.exists():
        raise NotWritable(f"{home} is there and is not a demo's folder.", hint="Name another with --home.")
    try:
        before = int(mark.read_text("utf-8")) if keep and mark.exists() else S3_PORT
        if not keep and home.exists():
            shutil.rmtree(home)
        home.mkdir(parents=True, exist_ok=True)
        port = free_port(before)
        mark.write_text(str(port), "utf-8")
    except OSError as exc:
        raise NotWritable(f"{exc.filename} cannot be written: {exc.strerror}.", hint="Use --home.") from exc
    return port


def _environment(environment: Environment, home: Path) -> Environment:
    """Return an environment in which nothing but the demo's own folder is touched."""
    foreign = ("FILESYNC_", "DAGSTER_", "AWS_")
    variables = {name: value for name, value in environment.variables.items() if not name.startswith(foreign)}
    variables |= {
        "FILESYNC_CONFIG": str(home / "endpoints.yaml"),
        "FILESYNC_HOME": str(home / ".filesync"),
        "PYTHONUNBUFFERED": "1",
    }
    return read_environment(variables=variables)


def _configure(place: Place, url: str, secret: str) -> None:
    text = ENDPOINTS.format(
        url=url, bucket=BUCKET, access_key_id=ACCESS_KEY_ID, secret=secret, folder=place.home / "office"
    )
    (place.home / "endpoints.yaml").write_text(text, "utf-8")


def _fill(place: Place, stores: Mapping[str, Store], url: str, rng: random.Random) -> None:
    (place.home / "office").mkdir(exist_ok=True)
    for store, files in ((stores["engineering_files"], bucket_files), (stores["office_share"], folder_files)):
        if not store.listing():
            for path, content in files(rng):
                store.put(path, content)
    counts = {name: len(store.listing()) for name, store in stores.items()}
    click.echo(f"A real S3 server is at {url}: bucket {BUCKET}, {counts['engineering_files']} objects.")
    click.echo(f"A local folder is at {place.home / 'office'}: {counts['office_share']} files.")


def _show(place: Place, stores: Mapping[str, Store], rng: random.Random) -> bool:
    place.run("sync")
    since = datetime.now(UTC).isoformat(timespec="seconds")
    for name, store in stores.items():
        click.secho(f"\nNow people work in {name}:", bold=True)
        for sentence in busy_morning(store, rng):
            click.echo(f"  {sentence}")
    codes = [place.run("sync")]
    codes += [place.run("changes", name, "--since", since) for name in stores]
    codes.append(place.run("status"))
    for store in stores.values():
        a_minute(store, rng)
    _materialize(place)
    return _compare(place, stores) and not any(codes)


def _materialize(place: Place) -> None:
    """Let Dagster do the next sync, so that the assets are there when its UI opens."""
    today = datetime.now(UTC).date().isoformat()
    log = place.home / "dagster.log"
    command = ["dagster", "asset", "materialize", "-m", "filesync_dagster.definitions"]
    command += ["--select", "*", "--partition", today]
    click.secho(f"\n$ {shlex.join(command)}", bold=True)
    with log.open("wb") as output:
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", *command],
            env=dagster_environment(place.environment),
            cwd=place.home,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise ServiceError("Dagster could not materialize the assets.", hint=f"See {log}.")
    click.echo(f"Every asset is materialized for {today} (log in {log}).")


def _compare(place: Place, stores: Mapping[str, Store]) -> bool:
    """Compare the inventory with the stores, looked at by os.walk and boto3's own listing."""
    click.secho("\nIs the inventory true?", bold=True)
    true = True
    for name, store in stores.items():
        expected = {path: size for path, size in store.listing().items() if "~$" not in path}
        found = place.inventory(name)
        wrong = sorted(path for path in {*expected, *found} if expected.get(path) != found.get(path))
        equal = expected == found
        true &= equal
        verdict = click.style("equal", fg="green") if equal else click.style("DIFFERENT", fg="red")
        click.echo(f"  {name}: {len(found)} files in the inventory, {len(expected)} in the store: {verdict}")
        for path in wrong[:10]:
            click.echo(f"    {path!r}: inventory {found.get(path)}, store {expected.get(path)}", err=True)
    return true


def _serve(place: Place, stores: Mapping[str, Store], host: str, port: int, rng: random.Random) -> None:
    def work() -> None:
        name, store = rng.choice(list(stores.items()))
        click.echo(f"  {datetime.now(UTC):%H:%M:%S}  {name}: {a_minute(store, rng)}")

    click.echo("Starting Dagster ...")
    with until_told() as told:
        serve(
            place.environment,
            host,
            port,
            told,
            on_ready=lambda url: click.echo(f"Dagster is at {url}. Each minute a file changes. Ctrl-C ends the demo."),
            every_minute=work,
        )
    click.echo("Stopped.")
