import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from datetime import timedelta

import pytest
from sqlalchemy import update

from filesync_dagster.core.errors import LeaseLost, SyncInProgress
from filesync_dagster.storage.database import MAINTENANCE, Metadata
from filesync_dagster.storage.database import leases as leases_module
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.storage.database.tables import leases
from filesync_dagster_tests.storage.database.builders import NOW, log, new_state

HOLD = """
import sys, time
from filesync_dagster.storage.database import Metadata
seconds = float(sys.argv[3])
with Metadata.open(sys.argv[1]) as metadata, metadata.leases.hold(int(sys.argv[2]), seconds=seconds) as lease:
    print(lease.token, flush=True)
    sys.stdin.readline()
    try:
        lease.check()
        print("held", flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)
"""

RACE = """
import sys, time
from filesync_dagster.core.errors import SyncInProgress
from filesync_dagster.storage.database import Metadata
with Metadata.open(sys.argv[1]) as metadata:
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[4])):
        try:
            with metadata.leases.hold(int(sys.argv[2])) as lease:
                with open(sys.argv[3], "x"):
                    time.sleep(0.002)
                import os; os.unlink(sys.argv[3])
                print(lease.token, flush=True)
        except SyncInProgress:
            time.sleep(0.001)
"""


def python(code, *arguments):
    """Start a Python process that talks over its standard streams."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def holder(url, endpoint):
    """Return a process that holds the lease for terms of a second."""
    process = python(HOLD, url, endpoint, 1)
    process.token = int(process.stdout.readline())
    yield process
    process.kill()
    process.communicate()


def test_a_second_sync_is_refused_and_told_who_holds_the_lease(metadata, endpoint):
    """The message names the endpoint, the process and since when; nothing waits."""
    with metadata.leases.hold(endpoint), pytest.raises(SyncInProgress) as refusal, metadata.leases.hold(endpoint):
        pass
    assert "drawings" in str(refusal.value)
    assert str(os.getpid()) in str(refusal.value)
    assert "since 20" in str(refusal.value)


def test_a_lease_is_free_again_when_released_and_its_token_never_comes_back(metadata, endpoint):
    """Also when the sync ended with an error."""
    tokens = []

    def fail():
        with metadata.leases.hold(endpoint) as lease:
            tokens.append(lease.token)
            raise ZeroDivisionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            fail()
    assert tokens == sorted(set(tokens))
    assert metadata.leases.current() == []


def test_running_leases_are_listed(metadata, endpoint):
    """With who, what and since when."""
    with metadata.leases.hold(endpoint, purpose="approve"):
        (lease,) = metadata.leases.current()
    assert (lease.endpoint, lease.pid, lease.purpose) == ("drawings", os.getpid(), "approve")
    assert lease.acquired_at <= lease.heartbeat_at < lease.expires_at


def test_the_heartbeat_keeps_a_lease_beyond_its_term(metadata, endpoint, holder):
    """A live process keeps it as long as it runs."""
    time.sleep(2.5)
    with pytest.raises(SyncInProgress), metadata.leases.hold(endpoint):
        pass
    assert holder.communicate("\n")[0] == "held\n"


def test_a_holder_that_was_killed_is_replaced_at_once(url, metadata, endpoint):
    """A dead process of this machine needs no waiting for the end of the term."""
    process = python(HOLD, url, endpoint, 3600)
    token = int(process.stdout.readline())
    process.kill()
    process.communicate()
    assert metadata.leases.current() == []
    with metadata.leases.hold(endpoint) as lease:
        assert lease.token > token


def test_a_killed_holder_that_nobody_reaped_is_dead_too(url, metadata, endpoint):
    """A zombie runs no sync."""
    process = python(HOLD, url, endpoint, 3600)
    process.stdout.readline()
    process.kill()
    while not Process(**holder_of(metadata, endpoint)).is_dead():
        time.sleep(0.01)
    with metadata.leases.hold(endpoint):
        pass
    process.communicate()


def test_an_expired_lease_is_taken_over_and_its_holder_finds_out(metadata, endpoint, holder):
    """A process that was stopped for longer than the term lost its lease when it goes on."""
    os.kill(holder.pid, signal.SIGSTOP)
    time.sleep(1.2)
    with metadata.leases.hold(endpoint) as lease:
        assert lease.token > holder.token
        os.kill(holder.pid, signal.SIGCONT)
        assert holder.communicate("\n")[0] == "LeaseLost\n"
        lease.check()


def test_a_process_of_another_machine_is_not_taken_for_dead(metadata, endpoint):
    """Its lease counts until it expires, whatever its pid means here."""
    with metadata.leases.hold(endpoint):
        elsewhere = {**holder_of(metadata, endpoint), "boot": "another", "pid": 2**22 + 1}
        write(metadata, endpoint, holder=elsewhere)
        with pytest.raises(SyncInProgress), metadata.leases.hold(endpoint):
            pass


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=4000)])
def test_a_heartbeat_of_a_clock_that_was_ahead_keeps_no_endpoint_busy(metadata, endpoint, ahead):
    """Its holder, elsewhere, may live: it has one term from now to show it, not until that time comes."""
    with metadata.leases.hold(endpoint, seconds=600) as lease:
        elsewhere = {**holder_of(metadata, endpoint), "boot": "another", "host": "other"}
        now = metadata.now()
        dated = {"heartbeat_at": now + ahead, "expires_at": now + ahead + timedelta(seconds=1)}
        write(metadata, endpoint, holder=elsewhere, **dated)
        with pytest.raises(SyncInProgress), metadata.leases.hold(endpoint):
            pass
        [held] = metadata.leases.current()
        assert held.expires_at - now < timedelta(minutes=1)
        write(metadata, endpoint, heartbeat_at=held.heartbeat_at - timedelta(seconds=9), expires_at=now)
        with metadata.leases.hold(endpoint) as taken:
            assert taken.after_crash
            with pytest.raises(LeaseLost):
                metadata.checkpoints.clear(lease)


def test_a_holder_whose_clock_is_ahead_keeps_its_lease(metadata, endpoint):
    """Whoever finds it so dates its heartbeat back; the next one renews the lease."""
    with metadata.leases.hold(endpoint, seconds=600) as lease:
        ahead = metadata.now() + timedelta(hours=1)
        elsewhere = {**holder_of(metadata, endpoint), "boot": "another", "host": "other"}
        write(metadata, endpoint, holder=elsewhere, heartbeat_at=ahead, expires_at=ahead + timedelta(seconds=1))
        for _ in range(2):
            with pytest.raises(SyncInProgress), metadata.leases.hold(endpoint):
                pass
        lease._renew()
        metadata.checkpoints.clear(lease)
        [held] = metadata.leases.current()
        assert held.expires_at > metadata.now() + timedelta(seconds=500)


def test_a_reused_pid_is_another_process(metadata, endpoint):
    """The start of the process tells them apart."""
    with metadata.leases.hold(endpoint):
        write(metadata, endpoint, holder={**holder_of(metadata, endpoint), "started": "1"})
        with metadata.leases.hold(endpoint) as lease:
            lease.check()


def test_a_commit_renews_the_lease(metadata, endpoint):
    """Heartbeats wait for a long commit; the lease lives on after it."""
    with metadata.leases.hold(endpoint) as lease:
        write(metadata, endpoint, expires_at=NOW)
        metadata.commit(lease, log(endpoint, "s1"), new_state("s1"))
        assert len(metadata.leases.current()) == 1


def test_a_lost_lease_is_not_released_by_its_old_holder(metadata, endpoint):
    """Releasing frees only what is one's own."""
    with metadata.leases.hold(endpoint) as old:
        write(metadata, endpoint, expires_at=NOW)
        new = metadata.leases.hold(endpoint)
        lease = new.__enter__()
        with pytest.raises(LeaseLost):
            metadata.checkpoints.clear(old)
    assert [held.token for held in metadata.leases.current()] == [lease.token]
    new.__exit__(None, None, None)


def test_processes_race_for_a_lease_and_one_wins(url, metadata, endpoint, tmp_path):
    """Never two at once, and no token twice."""
    processes = [python(RACE, url, endpoint, tmp_path / "inside", 15) for _ in range(3)]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    tokens = [int(token) for output in outputs for token in output]
    assert tokens
    assert len(tokens) == len(set(tokens))


def test_threads_race_for_a_lease_and_one_wins(metadata, endpoint):
    """Threads of one process are kept apart like processes."""
    inside, wins, problems = threading.Semaphore(1), [], []

    def run():
        for _ in range(10):
            try:
                with metadata.leases.hold(endpoint) as lease:
                    if not inside.acquire(blocking=False):
                        problems.append("two at once")
                    wins.append(lease.token)
                    inside.release()
            except SyncInProgress:
                time.sleep(0.001)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert wins
    assert len(wins) == len(set(wins))


def holder_of(metadata, endpoint):
    """Return the holder as it is stored."""
    with metadata._database.read_transaction() as connection:
        return connection.execute(leases.select().where(leases.c.endpoint_id == endpoint)).one().holder


def write(metadata, endpoint, **values):
    """Change the stored lease."""
    with metadata._database.write_transaction() as connection:
        connection.execute(leases.update().where(leases.c.endpoint_id == endpoint).values(**values))


def test_what_maintenance_holds_is_waited_for(metadata, endpoint):
    """It is over in a moment, and a sync that gave up would come again a day later. Two maintenances do not wait."""
    begun, over = threading.Event(), threading.Event()

    def maintain():
        with metadata.leases.hold(endpoint, purpose=MAINTENANCE):
            begun.set()
            over.wait(30)

    thread = threading.Thread(target=maintain)
    thread.start()
    try:
        assert begun.wait(30)
        with (
            pytest.raises(SyncInProgress, match="a maintenance by"),
            metadata.leases.hold(endpoint, purpose=MAINTENANCE),
        ):
            pass
        threading.Timer(0.5, over.set).start()
        with metadata.leases.hold(endpoint):
            assert over.is_set()
    finally:
        over.set()
        thread.join()


def test_a_maintenance_that_does_not_end_is_not_waited_for_for_ever(metadata, endpoint, monkeypatch):
    """Then it is named, like any other holder."""
    monkeypatch.setattr(leases_module, "DATABASE_OUTAGE_SECONDS", 0.2)
    with (
        metadata.leases.hold(endpoint, purpose=MAINTENANCE),
        pytest.raises(SyncInProgress),
        metadata.leases.hold(endpoint),
    ):
        pass


def test_what_is_fleeting_is_the_lease_alone(metadata, endpoint):
    """On SQLite, a lease is not waited for until it is on the disk; what comes after it, on the same connection, is."""
    with metadata.leases.hold(endpoint):
        pass
    database = metadata._database
    if database.is_sqlite:
        with database.write_transaction() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        with database.write_transaction(fleeting=True) as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1  # NORMAL
        with pytest.raises(ZeroDivisionError), database.write_transaction(fleeting=True):
            raise ZeroDivisionError
        with database.write_transaction() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_process_that_could_not_give_a_lease_back_is_not_busy_with_itself(url, endpoint):
    """As after a full disk: nobody in it holds the lease any more, so it can be taken at once."""
    with Metadata.open(url, patience=0.2) as metadata, Metadata.open(url) as other:
        with ExitStack() as stack, metadata.leases.hold(endpoint, seconds=600):
            connection = stack.enter_context(other._database.write_transaction())
            connection.execute(update(leases).values(purpose="blocks whoever writes"))
        assert other.leases.current() == []
        with other.leases.hold(endpoint) as lease:
            assert lease.after_crash
            with pytest.raises(SyncInProgress), metadata.leases.hold(endpoint):
                pass


def test_who_finds_a_lease_free_and_is_too_late_does_not_take_it(metadata, endpoint):
    """Between looking and taking, another one was quicker."""
    taker = leases_module._Taker(metadata._database, leases_module.ENDPOINT, endpoint, "sync", 60.0)
    with metadata.leases.hold(endpoint) as lease:
        with metadata._database.write_transaction() as connection:
            assert taker._take_free(connection) is None
        with metadata._database.write_transaction() as connection:
            lease.fence(connection)
    with metadata._database.write_transaction() as connection:
        assert taker._take_free(connection) == lease.token + 1
