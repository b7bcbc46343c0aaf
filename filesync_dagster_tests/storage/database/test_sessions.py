"""Sessions: who works on one, and what becomes of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from filesync_dagster.core.errors import LimitReached
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.storage.database.session_files import (
    SessionExportRecord,
    SessionFileRecord,
    UnknownExport,
    UnknownSessionFile,
)
from filesync_dagster.storage.database.sessions import SessionConflict, SessionRecord, UnknownSession
from filesync_dagster_tests.storage.database.builders import NOW

ME = Process.current()
DEAD = replace(ME, pid=2**22 + 1, started="1")  # no pid is as large
ELSEWHERE = Process("another-host", 7, "1", "another-boot")
KEEP = timedelta(days=14)


def session(session_id, **values):
    """Return a session that waits."""
    columns = {"state": "queued", "request": {"scale": 1}, "engine": "core", "owner": "ann", **values}
    return SessionRecord(session_id, request_digest="d1", created_at=NOW, **columns)


def add(metadata, session_id, **values):
    """Let a session wait."""
    return metadata.sessions.add(session(session_id, **values), queued_max=20)


def file(session_id, name):
    """Return a file of a session."""
    return SessionFileRecord(session_id, name, "export", "text/csv", f"/data/{name}", 3, "ab", NOW)


def interrupt(metadata):
    """Fail what nobody works on."""
    return metadata.sessions.interrupt_dead(keep=KEEP, sentence="It was interrupted.", hint="Run it again.")


def test_a_session_goes_its_way(metadata):
    """The oldest first; each step grows the revision, and the files are there with the end."""
    add(metadata, "s1")
    add(metadata, "s2", secrets_encrypted={"0.password": "blob"})
    assert metadata.sessions.claim(ME, running_max=2).id == "s1"
    second = metadata.sessions.claim(ME, running_max=2)
    assert (second.id, second.state, second.revision) == ("s2", "reading", 2)
    assert metadata.sessions.claim(ME, running_max=9) is None

    assert metadata.sessions.note("s2", ME, state="fitting", progress={"percent": 10}, seed=2**62, worker_seen_at=NOW)
    assert metadata.sessions.get("s2").revision == 3
    assert metadata.sessions.show_life("s2", ME)
    assert metadata.sessions.finish(
        "s2", ME, "completed", keep=KEEP, files=[file("s2", "b.csv"), file("s2", "a.csv")], result={"rows": 3}
    )
    found = metadata.sessions.get("s2")
    assert (found.state, found.worker, found.seed, found.result) == ("completed", None, 2**62, {"rows": 3})
    assert found.expires_at - found.finished_at == KEEP
    assert found.secrets_encrypted == {}
    assert [one.name for one in metadata.session_files.of("s2")] == ["a.csv", "b.csv"]
    assert metadata.session_files.get("s2", "a.csv").sha256 == "ab"
    with pytest.raises(UnknownSessionFile):
        metadata.session_files.get("s2", "../a.csv")
    assert metadata.sessions.counts() == {"completed": 1, "reading": 1}


def test_no_more_run_and_wait_than_may(metadata):
    """Whoever asks for one more is told why."""
    for number in range(3):
        metadata.sessions.add(session(f"s{number}"), queued_max=3)
    with pytest.raises(LimitReached) as refused:
        metadata.sessions.add(session("s9"), queued_max=3)
    assert refused.value.code == "too_many_queued"
    with pytest.raises(LimitReached) as refused:
        metadata.sessions.add(session("s9"), queued_max=9, recent_max=3)
    assert refused.value.code == "too_many_recent"
    assert metadata.sessions.add(session("s9", owner="bob"), queued_max=9, recent_max=3).id == "s9"

    assert metadata.sessions.claim(ME, running_max=1) is not None
    assert metadata.sessions.claim(ME, running_max=1) is None


def test_a_key_stands_for_one_request(metadata):
    """Repeated, it finds the same session, also of a queue that is full; another request with it is refused."""
    first = metadata.sessions.add(session("s1", idempotency_key="k"), queued_max=1)
    again = metadata.sessions.add(session("s2", idempotency_key="k"), queued_max=1)
    assert again.id == first.id == "s1"
    with pytest.raises(SessionConflict) as refused:
        metadata.sessions.add(replace(session("s3", idempotency_key="k"), request_digest="d2"), queued_max=9)
    assert refused.value.code == "idempotency_key"
    assert metadata.sessions.add(session("s4", idempotency_key="k", owner="bob"), queued_max=9).id == "s4"


def test_who_waits_is_cancelled_at_once_and_who_works_is_asked_to_end(metadata):
    """One that was cancelled while it worked is not completed any more."""
    add(metadata, "works")
    metadata.sessions.claim(ME, running_max=1)
    add(metadata, "waits", secrets_encrypted={"a": "blob"})

    cancelled = metadata.sessions.ask_cancel("waits", keep=KEEP)
    assert (cancelled.state, cancelled.secrets_encrypted) == ("cancelled", {})
    assert metadata.sessions.ask_cancel("works", keep=KEEP).state == "reading"
    assert not metadata.sessions.show_life("works", ME)
    assert not metadata.sessions.finish("works", ME, "completed", keep=KEEP, files=[file("works", "a.csv")])
    assert metadata.session_files.of("works") == []
    assert metadata.sessions.finish("works", ME, "cancelled", keep=KEEP)
    assert metadata.sessions.ask_cancel("works", keep=KEEP).state == "cancelled"
    with pytest.raises(UnknownSession):
        metadata.sessions.ask_cancel("nothing", keep=KEEP)


def test_what_a_dead_worker_left_is_failed(metadata):
    """A worker of this machine is known to be dead, one of another by its silence; what waits goes on waiting."""
    for name, worker in (("dead", DEAD), ("mine", ME), ("far", ELSEWHERE), ("silent", ELSEWHERE), ("asked", DEAD)):
        add(metadata, name)
        assert metadata.sessions.begin(name, worker).id == name
    add(metadata, "waits")
    metadata.sessions.ask_cancel("asked", keep=KEEP)
    metadata.sessions.note("silent", ELSEWHERE, worker_seen_at=metadata.now() - timedelta(seconds=61))

    assert sorted(interrupt(metadata)) == ["asked", "dead", "silent"]
    found = metadata.sessions.get("dead")
    assert (found.state, found.error_code, found.error, found.error_hint) == (
        "failed", "interrupted", "It was interrupted.", "Run it again.",
    )  # fmt: skip
    assert metadata.sessions.get("asked").state == "cancelled"
    assert [one.id for one in metadata.sessions.find_unfinished()] == ["mine", "far", "waits"]
    assert interrupt(metadata) == []


def test_a_worker_that_was_given_up_changes_nothing(metadata):
    """Its session was failed meanwhile, or is another one's."""
    add(metadata, "s1")
    metadata.sessions.claim(DEAD, running_max=1)
    interrupt(metadata)
    assert not metadata.sessions.note("s1", DEAD, state="fitting")
    assert not metadata.sessions.finish("s1", DEAD, "completed", keep=KEEP)

    add(metadata, "s2")
    metadata.sessions.claim(DEAD, running_max=1)
    assert metadata.sessions.hand_over("s2", DEAD, ME)
    assert not metadata.sessions.note("s2", DEAD, state="fitting")
    assert metadata.sessions.note("s2", ME, state="fitting")
    with pytest.raises(SessionConflict, match="waits no more"):
        metadata.sessions.begin("s2", ME)


def test_sessions_go_in_time_unless_they_are_pinned(metadata):
    """What is not finished cannot be removed; what they read is told, so that it stays."""
    add(metadata, "s1", inputs=["table:a", "upload:u"])
    add(metadata, "s2", inputs=["table:b"])
    for name in ("s1", "s2"):
        metadata.sessions.begin(name, ME)
    assert metadata.sessions.inputs(unfinished=True) == {"table:a", "upload:u", "table:b"}
    with pytest.raises(SessionConflict, match="reading"):
        metadata.sessions.remove("s1")
    for name in ("s1", "s2"):
        metadata.sessions.finish(name, ME, "completed", keep=KEEP, files=[file(name, "a.csv")])
    assert metadata.sessions.pin("s1", pinned=True).pinned

    assert metadata.sessions.find_expired(metadata.now()) == []
    later = metadata.now() + timedelta(days=15)
    assert [one.id for one in metadata.sessions.find_expired(later)] == ["s2"]
    assert metadata.sessions.remove("s2")
    assert not metadata.sessions.remove("s2")
    assert metadata.session_files.of("s2") == []
    assert metadata.sessions.ids() == {"s1"}
    assert metadata.sessions.inputs() == {"table:a", "upload:u"}
    assert metadata.sessions.inputs(unfinished=True) == set()


def test_sessions_come_newest_first_page_by_page(metadata):
    """All, or those in some states."""
    for number in range(4):
        add(metadata, f"s{number}")
    metadata.sessions.claim(ME, running_max=1)
    add(metadata, "c1", kind="comparison")  # which waits in the same queue, and is no generation
    first = metadata.sessions.page(limit=3)
    rest = metadata.sessions.page(limit=3, before=(first[-1].created_at, first[-1].id))
    assert [one.id for one in [*first, *rest]] == ["s3", "s2", "s1", "s0"]
    assert [one.id for one in metadata.sessions.page(states=["reading"])] == ["s0"]


def test_an_export_waits_and_is_done_once(metadata):
    """Its files come with its end; what a dead worker left is failed."""
    add(metadata, "s1")
    export = SessionExportRecord("e1", "s1", "sql", {"dialect": "postgres"}, "queued", "ann", NOW)
    metadata.session_files.add_export(export, queued_max=2)
    metadata.session_files.add_export(replace(export, id="e2"), queued_max=2)
    with pytest.raises(LimitReached) as refused:
        metadata.session_files.add_export(replace(export, id="e3"), queued_max=2)
    assert refused.value.code == "too_many_queued"

    assert metadata.session_files.claim_export(ME).id == "e1"
    assert metadata.session_files.claim_export(DEAD).id == "e2"
    assert metadata.session_files.claim_export(ME) is None
    assert metadata.session_files.interrupt_dead_exports("It was interrupted.", 60) == ["e2"]
    metadata.session_files.show_life("e1", ME)
    assert metadata.session_files.finish_export("e1", "completed", files=[file("s1", "a.sql")])
    assert not metadata.session_files.finish_export("e1", "failed")
    told = [(one.id, one.state, one.error_code) for one in metadata.session_files.exports("s1")]
    assert told == [("e1", "completed", None), ("e2", "failed", "interrupted")]
    assert [one.name for one in metadata.session_files.of("s1")] == ["a.sql"]


def test_an_export_is_cancelled_until_its_rows_become_final(metadata):
    """One that waits at once, one that is worked on by its worker; what is committing is completed."""
    add(metadata, "s1")
    files = metadata.session_files
    for name in ("e1", "e2", "e3"):
        target = {"type": "postgres", "schema": "made"}
        export = SessionExportRecord(name, "s1", "database", {}, "queued", "ann", NOW, target=target)
        files.add_export(export, queued_max=9)
    assert files.ask_cancel_export("s1", "e1").state == "cancelled"
    assert [files.claim_export(ME).id, files.claim_export(ME).id] == ["e2", "e3"]
    assert files.show_life("e2", ME)
    assert files.ask_cancel_export("s1", "e2").state == "exporting"
    assert not files.show_life("e2", ME)
    assert not files.may_commit_export("e2")
    assert not files.finish_export("e2", "completed", written={"t": 1})
    assert files.finish_export("e2", "cancelled")
    assert files.may_commit_export("e3")
    assert files.ask_cancel_export("s1", "e3").cancel_asked_at is None
    files.show_life("e3", DEAD)
    assert files.interrupt_dead_exports("It was interrupted.", 60) == ["e3"]
    assert files.export("s1", "e3").error.endswith("is not known: look for the schema made.")
    with pytest.raises(UnknownExport):
        files.ask_cancel_export("s2", "e1")


def test_each_step_of_an_export_is_news(metadata):
    """Whoever looks at the console learns of it: it waits, is worked on, is to stop, has ended."""
    add(metadata, "s1")
    files, marks = metadata.session_files, []

    def look():
        marks.append(metadata.change_marks.read()["sessions"])

    look()
    for name in ("e1", "e2"):
        files.add_export(SessionExportRecord(name, "s1", "sql", {}, "queued", "ann", NOW), queued_max=9)
        look()
    files.claim_export(ME)
    look()
    files.finish_export("e1", "completed")
    look()
    files.claim_export(ME)
    look()
    files.ask_cancel_export("s1", "e2")
    look()
    files.finish_export("e2", "cancelled")
    look()
    assert len(set(marks)) == len(marks)
    look()
    assert marks[-1] == marks[-2]
