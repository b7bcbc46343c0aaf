"""Tables of several uploads as one data set: keys across files, rules, and nothing of people."""

from filesync_dagster_tests.web.conftest import TOKEN

MAY = {"Authorization": f"Bearer {TOKEN}"}
CUSTOMERS = "id,name,email\n" + "".join(f"{n},Anna Meyer,anna{n}@example.com\n" for n in range(1, 61))
ORDERS = "id,customer_id,net,shipping,total\n" + "".join(
    f"{n},{n % 60 + 1},{n},{n % 3 * 5},{n + n % 3 * 5}\n" for n in range(1, 401)
)


def sent(client, name, content):
    """Send a file; return its id."""
    answer = client.post("/api/upload/file", headers=MAY, files={"file": (name, content.encode(), "text/csv")})
    return answer.json()["upload_id"]


def together(client, **chosen):
    """Ask how tables belong together."""
    return client.post("/api/tables/together", headers=MAY, json=chosen)


def test_files_that_were_sent_one_by_one_belong_together(client):
    """The key of one is found in the other; sums are rules; what people are called is counted and not shown."""
    ids = [sent(client, "customers.csv", CUSTOMERS), sent(client, "orders.csv", ORDERS)]

    answer = together(client, uploads=ids)
    found = answer.json()

    assert answer.status_code == 200, answer.text
    assert [(one["name"], one["rows"], one["primary_key"]) for one in found["tables"]] == [
        ("customers", 60, ["id"]),
        ("orders", 400, ["id"]),
    ]
    relation = found["relations"][0]
    assert (relation["child"], relation["child_columns"], relation["parent"]) == (
        "orders",
        ["customer_id"],
        "customers",
    )
    assert ("sum", ["total", "net", "shipping"]) in [(rule["kind"], rule["columns"]) for rule in found["rules"]]
    email = next(one for one in found["tables"][0]["columns"] if one["name"] == "email")
    assert (email["role"], email["masked"], "top" in email["stats"]) == ("person", True, False)
    assert "anna1@example.com" not in answer.text


def test_what_cannot_be_together_is_said(client):
    """Nothing chosen, one name twice, a source that nobody read, an upload that is not there."""
    ids = [sent(client, "customers.csv", CUSTOMERS), sent(client, "customers.csv", CUSTOMERS + "99,Eva Lang,e@x.io\n")]

    answers = [
        together(client),
        together(client, uploads=ids),
        together(client, sources=["crm"]),
        together(client, uploads=["0" * 32]),
    ]

    assert [one.status_code for one in answers] == [400, 409, 409, 404]
    assert "customers" in answers[1].json()["error"]
    assert answers[2].json()["field"] == "sources"
