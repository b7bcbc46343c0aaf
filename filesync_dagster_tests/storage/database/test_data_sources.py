"""Data sources and the history of their configuration."""

import pytest

from filesync_dagster.storage.database.data_sources import SourceConflict, UnknownSource


def add(metadata, name="erp", **config):
    """Add a data source with a secret."""
    secrets = {"password": "v1:blob"}
    return metadata.data_sources.add(f"id-{name}", name, "postgres", {"host": "db", **config}, secrets, "ann")


def test_a_source_is_read_as_it_was_written(metadata):
    """All of them by name; one that is not there has a name of its own for that."""
    made = add(metadata, "erp", port=5432)
    add(metadata, "crm")

    assert [one.name for one in metadata.data_sources.all()] == ["crm", "erp"]
    found = metadata.data_sources.get("erp")
    assert found == made
    assert (found.config, dict(found.secrets_encrypted)) == ({"host": "db", "port": 5432}, {"password": "v1:blob"})
    assert (found.revision, found.created_by, found.last_test) == (1, "ann", None)
    with pytest.raises(UnknownSource, match="hr"):
        metadata.data_sources.get("hr")
    with pytest.raises(SourceConflict, match="already"):
        add(metadata, "erp")


def test_who_changes_a_source_has_seen_what_it_is(metadata):
    """The second of two who read the same revision is refused, and nothing of its change is there."""
    add(metadata)
    after = metadata.data_sources.change("erp", {"host": "new"}, {}, "bob", revision=1)
    assert after.revision == 2

    with pytest.raises(SourceConflict) as refused:
        metadata.data_sources.change("erp", {"host": "other"}, {}, "eve", revision=1)
    assert refused.value.code == "revision"
    with pytest.raises(SourceConflict):
        metadata.data_sources.remove("erp", "eve", revision=1)
    assert metadata.data_sources.get("erp").config == {"host": "new"}
    with pytest.raises(UnknownSource):
        metadata.data_sources.change("hr", {}, {}, "bob")


def test_every_configuration_stays_in_the_history(metadata):
    """Also that of a source that is gone; of secrets only which there were."""
    made = add(metadata)
    metadata.data_sources.change("erp", {"host": "new"}, {}, "bob", new_name="erp2")
    metadata.data_sources.remove("erp2", "cat")

    told = [
        (one.action, one.name, one.revision, one.config["host"], one.secrets_set, one.changed_by)
        for one in metadata.data_sources.history(made.id)
    ]
    assert told == [
        ("removed", "erp2", 2, "new", [], "cat"),
        ("changed", "erp2", 2, "new", [], "bob"),
        ("created", "erp", 1, "db", ["password"], "ann"),
    ]


def test_a_test_speaks_of_the_configuration_that_it_tried(metadata):
    """What it says is kept until the configuration changes, and not noted of a later one."""
    add(metadata)
    metadata.data_sources.note_test("erp", 1, {"status": "success"})
    assert metadata.data_sources.get("erp").last_test == {"status": "success"}

    metadata.data_sources.change("erp", {"host": "new"}, {}, "bob")
    metadata.data_sources.note_test("erp", 1, {"status": "success"})
    assert metadata.data_sources.get("erp").last_test is None


def test_a_new_name_is_nobody_elses(metadata):
    """Renaming onto another source is refused."""
    add(metadata, "erp")
    add(metadata, "crm")
    with pytest.raises(SourceConflict, match="crm"):
        metadata.data_sources.change("erp", {}, {}, "bob", new_name="crm")


def test_what_was_done_is_kept_for_a_while(metadata):
    """The audit log is read newest first, by subject, and loses what is old."""
    for what in ("source.created", "source.tested", "source.removed"):
        metadata.audit.add("ann", what, "erp", "127.0.0.1", {"n": 1})
    metadata.audit.add("bob", "rows.read", "t1")

    assert [one.what for one in metadata.audit.newest(2, subject="erp")] == ["source.removed", "source.tested"]
    newest = metadata.audit.newest(1)[0]
    assert (newest.who, newest.what, newest.address, newest.details) == ("bob", "rows.read", None, {})
    assert len(metadata.audit.newest(before_id=newest.id)) == 3
    assert metadata.audit.prune(metadata.now(), dry_run=True) == 4
    assert metadata.audit.prune(metadata.now()) == 4
    assert metadata.audit.newest() == []
