"""Sources that are read over REST, and what becomes of them: tables with profiles, relations and rows."""

import io
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pyarrow as pa
import pytest

from filesync_dagster.storage.database.processes import Process
from filesync_dagster.tables.catalog.directory import SourceDirectory
from filesync_dagster.tables.catalog.dispatch import WORKER, read_folder
from filesync_dagster.tables.catalog.edits import SourceEdit
from filesync_dagster.tables.catalog.worker import run
from filesync_dagster.web.tables import ARROW_STREAM
from filesync_dagster_tests.tables.sources.http_fakes import service
from filesync_dagster_tests.web.tables.conftest import UNFINISHED
from filesync_dagster_tests.web.tables.test_sources import create

CUSTOMERS = "customer_id,mail,joined\n" + "".join(
    f"{n},person{n}@example.com,2024-0{1 + n % 9}-1{n % 9}\n" for n in range(1, 61)
)
ORDERS = "order_id,customer_id,amount\n" + "".join(f"{n},{1 + n % 60},{n}.25\n" for n in range(1, 241))


@pytest.fixture(scope="module")
def shop(place):
    """Return the tables of a source of two files, by their names, as a list tells them."""
    paths = [place.upload("customers.csv", CUSTOMERS)["path"], place.upload("orders.csv", ORDERS)["path"]]
    assert create(place, "shop", "local", file_paths=paths).status_code == 201
    found = place.read("shop")
    assert (found["state"], found["error"]) == ("completed", None)
    listed = place.admin.get("/api/tables", params={"source": "shop"}).json()["items"]
    assert {one["id"] for one in listed} == {*found["table_ids"]}
    return {one["name"]: one for one in listed}


def rows(client, table, **query):
    """Return the answer for rows of a table."""
    return client.get(f"/api/tables/{table['id']}/rows", params=query)


def test_a_source_is_read_into_tables(place, shop):
    """Called as their files were, with rows, keys and where they come from."""
    assert {name: (one["rows"], one["primary_key"]) for name, one in shop.items()} == {
        "customers": (60, ["customer_id"]), "orders": (240, ["order_id"]),
    }  # fmt: skip
    orders = place.admin.get(f"/api/tables/{shop['orders']['id']}").json()
    [relation] = orders["relations"]
    assert (relation["child_columns"], relation["parent"], relation["origin"]) == (
        ["customer_id"], "customers", "detected",
    )  # fmt: skip
    assert relation["inclusion"] == 1.0
    amount = next(column for column in orders["schema"] if column["name"] == "amount")
    assert (amount["stats"]["count"], amount["stats"]["nulls"], amount["role"]) == (240, 0, "number")
    assert (orders["lineage"]["source"], orders["lineage"]["source_type"]) == ("shop", "local")
    customers = place.admin.get(f"/api/tables/{shop['customers']['id']}").json()
    assert customers["relations"] == orders["relations"]
    source = place.admin.get("/api/sources/shop").json()
    assert source["last_read"]["table_ids"] == [shop["customers"]["id"], shop["orders"]["id"]]
    assert [one["id"] for one in place.admin.get("/api/sources/shop/reads").json()["reads"]] == [
        source["last_read"]["id"]
    ]


def test_what_is_about_people_is_hidden(place, shop):
    """In rows, in the profile, in Arrow; nobody finds it out by looking for it or sorting by it."""
    viewer, customers = place.browser("viewer"), shop["customers"]
    page = rows(viewer, customers, limit=2).json()
    assert [row["mail"] for row in page["rows"]] == ["p***", "p***"]
    assert [column["masked"] for column in page["columns"]] == [False, True, False]
    stream = viewer.get(f"/api/tables/{customers['id']}/rows", headers={"accept": ARROW_STREAM})
    assert set(pa.ipc.open_stream(io.BytesIO(stream.content)).read_all()["mail"].to_pylist()) == {"p***"}
    shown = viewer.get(f"/api/tables/{customers['id']}")
    assert "person1@example.com" not in shown.text + stream.text
    assert "example.com" not in shown.text
    for query in ({"where": '{"mail": {"contains": "person7"}}'}, {"order": "-mail"}, {"order": '["mail"]'}):
        answer = rows(viewer, customers, **query)
        assert (answer.status_code, answer.json()["code"]) == (403, "masked")


def test_an_operator_may_reveal_and_it_is_noted(place, shop):
    """A viewer may not; whoever does is in the audit log."""
    customers, operator = shop["customers"], place.browser("operator")
    assert rows(place.browser("viewer"), customers, reveal=True).status_code == 403
    found = rows(operator, customers, reveal=True, where='{"mail": "person7@example.com"}').json()
    assert [row["mail"] for row in found["rows"]] == ["person7@example.com"]
    noted = place.audit()[0]
    assert (noted.what, noted.subject, noted.details["reveal"]) == ("rows.read", customers["id"], True)
    assert noted.who.startswith("session ")
    assert operator.get(f"/api/tables/{customers['id']}", params={"reveal": True}).text.count("example.com") > 0
    assert place.audit()[0].what == "table.revealed"


def test_rows_are_found_sorted_and_paged(place, shop):
    """As JSON and as Arrow alike; what is asked wrongly is 400 with the field."""
    orders = shop["orders"]
    page = rows(
        place.admin, orders, where='{"customer_id": [3, 4], "amount": {"min": 100}}', order="-order_id", limit=2,
        columns="order_id,customer_id",
    ).json()  # fmt: skip
    assert page["rows"] == [{"order_id": 183, "customer_id": 4}, {"order_id": 182, "customer_id": 3}]
    assert (page["matching_rows"], page["total_rows"]) == (4, 240)
    assert rows(place.admin, orders, offset=239).json()["rows"] == [
        {"order_id": 240, "customer_id": 1, "amount": 240.25}
    ]
    headers = {"accept": ARROW_STREAM}
    stream = place.admin.get(f"/api/tables/{orders['id']}/rows", headers=headers, params={"limit": 1000})
    assert stream.headers["content-type"] == ARROW_STREAM
    assert pa.ipc.open_stream(io.BytesIO(stream.content)).read_all().num_rows == 240
    for query in (
        {"where": '{"nothing": 1}'}, {"where": '{"amount": {"near": 1}}'}, {"where": "[]"},
        {"where": '{"amount": NaN}'},
        {"order": "nothing"}, {"columns": "nothing"}, {"limit": 1001}, {"offset": -1},
    ):  # fmt: skip
        assert rows(place.admin, orders, **query).status_code == 400, query


def test_tables_come_in_pages(place, shop):
    """The cursor of one page begins the next."""
    first = place.admin.get("/api/tables", params={"source": "shop", "limit": 1}).json()
    rest = place.admin.get("/api/tables", params={"source": "shop", "limit": 1, "cursor": first["next_cursor"]}).json()
    assert {one["id"] for one in first["items"] + rest["items"]} == {one["id"] for one in shop.values()}
    assert rest["next_cursor"] is None
    assert place.admin.get("/api/tables", params={"cursor": "bm8"}).status_code == 400


@pytest.mark.slow
def test_what_people_say_of_a_relation_holds_for_later_reads(place, shop):
    """A refused one is not proposed again; one that nobody found is measured; columns have to be there."""
    answer = decide(place, shop["orders"], parent="customers", columns=["customer_id"], decision="refuse")
    assert [(one["origin"], one["decided_by"]) for one in answer.json()["relations"]] == [("refused", "token")]
    added = decide(place, shop["orders"], "customers", ["order_id"], "confirm", parent_columns=["customer_id"]).json()
    [mine] = [one for one in added["relations"] if one["child_columns"] == ["order_id"]]
    assert (mine["origin"], mine["inclusion"]) == ("declared", 0.25)
    assert decide(place, shop["orders"], "nothing", ["customer_id"], "confirm").status_code == 400
    assert decide(place, shop["orders"], "customers", ["nothing"], "confirm").status_code == 400
    viewer = decide(place, shop["orders"], "customers", ["customer_id"], "confirm", client=place.browser("viewer"))
    assert viewer.status_code == 403

    found = place.read("shop")
    tables = [place.admin.get(f"/api/tables/{one}").json() for one in found["table_ids"]]
    [orders] = [one for one in tables if one["name"] == "orders"]
    told = {tuple(one["child_columns"]): one["origin"] for one in orders["relations"]}
    assert told == {("customer_id",): "refused", ("order_id",): "declared"}


def decide(place, table, parent, columns, decision, parent_columns=None, client=None):
    """Decide about a relation, and return the answer."""
    given = {"child_columns": columns, "parent": parent, "parent_columns": parent_columns or columns}
    return (client or place.admin).post(f"/api/tables/{table['id']}/relations", json={**given, "decision": decision})


def test_a_source_of_the_file_is_read_as_its_asset_is(place):
    """Beside endpoints.yaml, day by day."""
    found = place.read("in_file")
    assert (found["state"], found["error"]) == ("completed", None)
    [table] = [place.admin.get(f"/api/tables/{one}").json() for one in found["table_ids"]]
    assert (table["name"], table["rows"], table["source"]) == ("orders", 2, "in_file")
    with place.filesync() as filesync:
        assert filesync.runtime.metadata.source_reads.last_by_source()["in_file"].run_id == found["id"]
    limited = place.admin.post("/api/sources/in_file/read", json={"limit": 1})
    assert limited.status_code == 422


def read_here(runtime, name, row_limit=None):
    """Read a source in this process, as its worker would; return what is known of the read."""
    jobs = runtime.metadata.read_jobs
    job = jobs.add(f"read_{secrets.token_hex(16)}", name, "me", [], row_limit=row_limit, queued_max=99)
    run(runtime, job.id)
    shutil.rmtree(read_folder(runtime.home, job.id))  # as whoever started a worker does
    return jobs.get(job.id)


def test_a_saved_source_that_lost_most_rows_is_held_and_what_drifted_is_told(place):
    """As one of endpoints.yaml: until somebody approves, the tables from before stay. The first rows are no loss."""
    few = "order_id,amount\n" + "".join(f"{n},{n}.25\n" for n in range(1, 21))
    paths = [place.upload("orders.csv", text)["path"] for text in (ORDERS, few)]
    assert create(place, "guarded", "local", file_paths=paths[:1]).status_code == 201
    with place.filesync() as filesync:
        runtime = filesync.runtime
        metadata = runtime.metadata
        assert read_here(runtime, "guarded").state == "completed"
        edit = SourceEdit(None, {"file_paths": paths[1:]}, is_partial=True)
        SourceDirectory(runtime).change("guarded", edit, "me")
        job = read_here(runtime, "guarded")
        assert job.state == "completed"
        assert [(one.rows, one.source_id is None) for one in metadata.tables.latest("guarded")] == [(240, False)]
        shown = place.admin.get("/api/sources/guarded").json()["held"]
        assert "orders has 20 rows, and had 240: 91.7% fewer." in shown["reason"]
        drift = metadata.source_reads.held("guarded").findings["drift"]
        assert [(one["column"], one["kind"]) for one in drift] == [("customer_id", "gone")]
        approved = place.admin.post("/api/sources/guarded/approve", json={"read_id": shown["read_id"]})
        assert (approved.status_code, approved.json()["held"]) == (200, None)
        assert [(one.id, one.rows) for one in metadata.tables.latest("guarded")] == [(*job.table_ids, 20)]
        assert read_here(runtime, "guarded", row_limit=3).state == "completed"
        assert [one.rows for one in metadata.tables.latest("guarded")] == [3]


def test_a_read_that_fails_says_why_and_keeps_nothing(place, monkeypatch):
    """With the code and the field; a server of this machine is not reached by it either."""
    create(place, "private", "api", base_url="http://127.0.0.1:9", endpoints=[{"path": "/x"}])
    found = place.read("private")
    assert (found["state"], found["error_code"], found["error_field"]) == ("failed", "not_allowed", "base_url")
    assert found["table_ids"] == []
    assert place.admin.get("/api/tables", params={"source": "private"}).json()["items"] == []


def test_a_read_is_cancelled(place, monkeypatch):
    """It ends, nothing of it stays, and while it goes on there is no second one; others are answered meanwhile."""
    going_on = threading.Event()

    def slow(asked):
        going_on.wait(60)
        return 200, {"content-type": "application/json"}, {"data": [{"a": 1}]}

    settings = place.project.file.read_text()
    with service(slow) as server:
        address = server.url.removeprefix("http://")
        place.project.file.write_text(settings.replace("allow_hosts: [", f'allow_hosts: ["{address}", '))
        time.sleep(1.1)  # the server looks for edits once a second
        try:
            create(place, "slow", "api", base_url=server.url, endpoints=[{"path": "/x"}])
            read = place.admin.post("/api/sources/slow/read").json()
            until = time.monotonic() + 60
            while not server.asked and time.monotonic() < until:
                time.sleep(0.05)
            again = place.admin.post("/api/sources/slow/read")
            assert (again.status_code, again.json()["code"]) == (409, "running")
            assert place.admin.post(f"/api/reads/{read['id']}/cancel").json()["cancel_asked"]
            assert place.wait_for(read["id"])["state"] == "cancelled"
        finally:
            going_on.set()
            place.project.file.write_text(settings)
    until = time.monotonic() + 30
    while list((place.project.folder / "home" / "tmp" / "reads").glob("*")) and time.monotonic() < until:
        time.sleep(0.05)
    assert list((place.project.folder / "home" / "tmp" / "reads").glob("*")) == []
    assert place.admin.get("/api/tables", params={"source": "slow"}).json()["items"] == []


def test_a_read_whose_process_is_gone_has_failed(place):
    """After a server was killed, the next one says so, and the source can be read again."""
    create(place, "orphan", "local", file_paths=["uploads/gone.csv"])
    gone = replace(Process.current(), pid=2**22 - 1, started="1").as_dict()
    with place.filesync() as filesync:
        jobs = filesync.runtime.metadata.read_jobs
        job = jobs.add("read_" + "0" * 32, "orphan", "me", [], row_limit=None, queued_max=9)
        assert jobs.begin(job.id, gone)
    found = place.admin.get(f"/api/reads/{job.id}").json()
    assert (found["state"], found["error_code"]) == ("failed", "interrupted")


def test_reads_that_a_server_left_go_on_with_the_next_one(place, shop):
    """Without a question; the process of the one before, if it is still there, ends with its server."""
    for thread in threading.enumerate():
        if thread.name == "filesync-reads":
            thread.join(60)  # it would begin whatever waits when it ends
    with place.filesync() as filesync:
        job = filesync.runtime.metadata.read_jobs.add("read_" + "1" * 32, "shop", "me", [], row_limit=9, queued_max=9)
    site = place.project.site
    nobody = [str(site.current.path.absolute()), str(site.home), job.id, str(2**22 - 1)]
    left = subprocess.run([sys.executable, "-m", WORKER, *nobody], timeout=60, check=False)
    assert left.returncode == -signal.SIGKILL
    site.resume_reads()
    with place.filesync() as filesync:
        jobs, until = filesync.runtime.metadata.read_jobs, time.monotonic() + 60
        while jobs.get(job.id).state in UNFINISHED and time.monotonic() < until:
            time.sleep(0.1)
        assert jobs.get(job.id).state == "completed"


def test_rows_of_a_file_that_was_sent(place):
    """The first ones, with types and the exact count; its table is in the list."""
    sent = place.upload("people.csv", CUSTOMERS)
    found = place.admin.get(f"/api/upload/file/{sent['filename']}/content").json()
    assert (found["filename"], found["total_rows"]) == (sent["filename"], 60)
    assert found["columns"] == ["customer_id", "mail", "joined"]
    assert found["content"][0] == {"customer_id": 1, "mail": "p***", "joined": "2024-02-11"}
    assert (len(found["content"]), found["types"]["joined"], found["table"]) == (3, "date32[day]", "people")
    seen = place.admin.get(f"/api/upload/file/{sent['filename']}/content", params={"max_rows": 1, "reveal": True})
    assert seen.json()["content"][0]["mail"] == "person1@example.com"
    [table] = place.admin.get("/api/tables", params={"upload": sent["upload_id"]}).json()["items"]
    assert place.admin.get(f"/api/tables/{table['id']}").json()["lineage"]["file"] == "people.csv"
    assert place.admin.get(f"/api/uploads/{sent['upload_id']}").json()["tables"] == [
        {"name": "people", "rows": 60, "columns": 3}
    ]
    none = place.admin.get(f"/api/upload/file/{sent['filename']}/content", params={"table": "other"})
    assert none.status_code == 404
    assert place.admin.get("/api/upload/file/nothing.csv/content").status_code == 404


def test_a_file_that_cannot_be_read_says_where(place, monkeypatch):
    """422 with the line, at once; it is kept, and whoever says how it is read has it read so everywhere."""
    monkeypatch.setattr("filesync_dagster.web.uploads.SENT_WAIT_SECONDS", 60.0)  # however busy the machine is
    answer = place.admin.post("/api/upload/file", files={"file": ("ragged.csv", "a,b\n1,2\n3,4,5\n6,7\n")})
    assert answer.status_code == 422, answer.text
    assert "line 3" in answer.json()["error"].lower()
    sent = place.admin.get("/api/uploads").json()["uploads"][0]
    assert sent["upload_id"] in answer.json()["hint"]
    assert (sent["state"], sent["tables"]) == ("ready", [])
    assert "line 3" in sent["problem"].lower()
    assert place.admin.get(f"/api/upload/file/{sent['filename']}/content").status_code == 422

    one = f"/api/uploads/{sent['upload_id']}/reading"
    again = place.admin.request("PUT", one, json={"delimiter": ";"})
    assert (again.status_code, again.json()["problem"]) == (200, None), again.text
    assert again.json()["tables"] == [{"name": "ragged", "rows": 3, "columns": 1}]
    readings = place.project.site.upload_tables._readings
    readings[sent["upload_id"]] = object()  # as while somebody else has it read
    busy = place.admin.request("PUT", one, json={"delimiter": "|"})
    assert (busy.status_code, busy.json()["code"]) == (409, "busy")
    del readings[sent["upload_id"]]
    wrong = place.admin.request("PUT", one, json={"delimiter": ","})
    assert wrong.status_code == 422, wrong.text
    kept = place.admin.get(f"/api/uploads/{sent['upload_id']}").json()
    assert (kept["reading"]["delimiter"], kept["tables"]) == (";", again.json()["tables"])
    source = {"type": "local", "config": {}, "file_paths": [sent["path"]]}
    [found] = place.admin.post("/api/connectors/discover", json=source).json()["tables"]
    assert [column["name"] for column in found["columns"]] == ["a,b"]
    said = {**source, "config": {"delimiter": ","}}  # what the source itself says counts more
    assert place.admin.post("/api/connectors/discover", json=said).status_code == 422
    for odd in ({"encoding": "nothing"}, {"delimiter": '"'}, {"delimiter": "\0"}, {"types": {"a,b": "nothing"}}):
        told = place.admin.request("PUT", one, json=odd)
        assert (told.status_code, told.json()["code"] == "unknown") == (422, False), told.text


def test_no_source_names_more_files_than_it_may(place):
    """As `settings.tables.max_files` has it, before a file is looked at."""
    source = {"type": "local", "config": {}, "file_paths": ["uploads/x.csv"] * 65}
    found = place.admin.post("/api/connectors/discover", json=source)
    assert (found.status_code, found.json()["code"], found.json()["field"]) == (422, "limit", "file_paths")
    judged = place.admin.post("/api/sdv/validate-request", json={"data_sources": [source]}).json()
    assert judged["problems"] == [
        {"path": "data_sources.0.file_paths", "message": "A source may name 64 files."},
    ]


def test_the_limits_are_told(place):
    """As the settings have them."""
    found = place.admin.get("/api/limits").json()
    assert (found["max_source_rows"], found["max_file_bytes"]) == (50_000_000, 2 * 2**30)
    assert found["may_keep_secrets"] is True
