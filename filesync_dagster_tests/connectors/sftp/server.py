"""A real SFTP server over a folder (asyncssh's own), in which things go wrong as a plan says."""

import asyncio
import re
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from filesync_dagster.simulators.kit.faults import Fault, FaultPlan
from filesync_dagster.simulators.kit.wire import Request
from filesync_dagster_tests.servers import RCLONE

USER, PASSWORD = "ann", "pass:wörd"
LIST, OPEN, READ, LOOK = "readdir", "open", "read", "stat"
FAULTS = frozenset({
    Fault.SERVER_ERROR, Fault.REFUSE, Fault.DENY, Fault.TIMEOUT, Fault.DISCONNECT, Fault.TRUNCATE, Fault.RESET,
})  # fmt: skip
CONTENT = {Fault.TRUNCATE, Fault.RESET}
STARTED = re.compile(r"listening on 127\.0\.0\.1:(\d+)")
NO_SUCH_FILE = 404
HANG_SECONDS = 60.0


class FaultyServer(asyncssh.SFTPServer):
    """Serves a folder; the plan is asked at every operation."""

    def __init__(self, channel, root, plan):
        super().__init__(channel, chroot=str(root).encode())
        self.plan = plan

    async def strike(self, operation, path=b""):
        """Do what the plan says; return the faults that the operation itself has to do with."""
        able = FAULTS - CONTENT if operation != READ else FAULTS
        request = Request(operation, path.decode("utf-8", "replace"))
        struck = self.plan.strike(operation, able, request)
        for rule in struck:
            match rule.fault:
                case Fault.SERVER_ERROR:
                    raise asyncssh.SFTPFailure("The plan says so.")
                case Fault.REFUSE if (rule.status or NO_SUCH_FILE) == NO_SUCH_FILE:
                    raise asyncssh.SFTPNoSuchFile("The plan says so.")
                case Fault.REFUSE | Fault.DENY:
                    raise asyncssh.SFTPPermissionDenied("The plan says so.")
                case Fault.TIMEOUT:
                    await asyncio.sleep(HANG_SECONDS)
                case Fault.DISCONNECT | Fault.RESET:
                    self.channel.get_connection().abort()
                    raise asyncssh.SFTPConnectionLost("The plan says so.")
        return {rule.fault for rule in struck}

    async def scandir(self, path):
        await self.strike(LIST, path)
        async for name in super().scandir(path):
            yield name

    async def open(self, path, pflags, attrs):
        await self.strike(OPEN, path)
        return super().open(path, pflags, attrs)

    async def read(self, file_obj, offset, size):
        faults = await self.strike(READ)
        return b"" if Fault.TRUNCATE in faults else super().read(file_obj, offset, size)

    async def lstat(self, path):
        await self.strike(LOOK, path)
        return super().lstat(path)


class Account(asyncssh.SSHServer):
    """Knows one password, and the keys that the server is told of."""

    def __init__(self):
        self.logins = 0

    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == (USER, PASSWORD)


class SftpServer:
    """A running server. `host_key` is as known_hosts has it."""

    def __init__(self, root, key, client_key):
        self.root = Path(root)
        self.plan = FaultPlan()
        self.key = key
        self.client_key = client_key
        self.host_key = key.export_public_key().decode().strip()
        self.fingerprint = key.get_fingerprint("sha256")
        self.port = 0

    async def start(self):
        keys = asyncssh.import_authorized_keys(self.client_key.export_public_key().decode())
        listener = await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[self.key], server_factory=Account, authorized_client_keys=keys,
            sftp_factory=lambda channel: FaultyServer(channel, self.root, self.plan), allow_scp=False,
        )  # fmt: skip
        self.port = listener.get_port()
        return listener


@contextmanager
def served(root):
    """Serve a folder from a thread of this process."""
    keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(2)]
    server, loop = SftpServer(root, *keys), asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _context: None)  # connections break as the plan says
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listener = asyncio.run_coroutine_threadsafe(server.start(), loop).result(30)
    try:
        yield server
    finally:

        async def end():
            listener.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def rclone_served(root, key_file):
    """Serve a folder with `rclone serve sftp`: a server of another maker, with OpenSSH's ways."""
    keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(2)]
    server, log = SftpServer(root, *keys), key_file.with_suffix(".log")
    keys[0].write_private_key(str(key_file))
    key_file.chmod(0o600)
    command = [
        str(RCLONE), "serve", "sftp", "--config", "/dev/null", "--addr", "127.0.0.1:0", "--key", str(key_file),
        "--user", USER, "--pass", PASSWORD, "--dir-cache-time", "1ms", str(root),
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 30
        while not (found := STARTED.search(log.read_text())):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        server.port = int(found[1])
        yield server
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory):
    """Return a server of this process, in which things go wrong on demand."""
    with served(tmp_path_factory.mktemp("sftp")) as server:
        yield server


@pytest.fixture(scope="session")
def rclone_sftp(tmp_path_factory):
    """Return the server of another maker."""
    with rclone_served(tmp_path_factory.mktemp("sftp"), tmp_path_factory.mktemp("keys") / "host") as server:
        yield server
