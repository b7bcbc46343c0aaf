"""What a generation learns from: also what people decided about stored tables."""

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest

from filesync_dagster.tables.catalog.read import record_of
from filesync_dagster.tables.catalog.relations import decide_relation
from filesync_dagster.tables.daily.access import table_store
from filesync_dagster.tables.model import Origin, TableRelation
from filesync_dagster.tables.sessions.inputs import read_inputs
from filesync_dagster.tables.sessions.progress import SessionWatch
from filesync_dagster.tables.sessions.request import GenerationRequest
from filesync_dagster.tables.store import tables_prefix
from filesync_dagster_tests.tables.data_sets import write_data_set
from filesync_dagster_tests.tables.sessions.places import place_at

DAY = date(2026, 11, 30)
RELATION = TableRelation("visits", ("who",), "guests", ("number",))


@pytest.mark.parametrize("origin", [Origin.DECLARED, Origin.REFUSED])
def test_what_people_decided_about_stored_tables_holds(tmp_path, origin):
    """A relation that somebody confirmed is used, one that somebody refused is not proposed again."""
    with place_at(tmp_path) as runtime:
        store = table_store(runtime)
        rows = {
            "guests": pa.table({"number": range(50)}),
            "visits": pa.table({"id": range(90), "who": [one % 7 for one in range(90)]}),
        }
        stored = [store.save(one, tables_prefix("hotel", DAY)) for one in write_data_set(tmp_path, rows, {}).tables]
        runtime.metadata.tables.add([replace(record_of(one, DAY, ()), source="hotel") for one in stored])
        [visits] = [one for one in runtime.metadata.tables.latest("hotel") if one.name == "visits"]
        decide_relation(runtime, visits, replace(RELATION, origin=origin), "somebody")
        request = GenerationRequest.model_validate({"sources": [{"name": "hotel", "read": "stored"}]})
        found = read_inputs(runtime, request, tmp_path / "work", SessionWatch())
    assert [(one.child, one.parent, one.origin) for one in found.relations] == [("visits", "guests", origin)]
