"""Requests that make no sense, refused before anything is drawn."""

from filesync_dagster.core.errors import LimitReached, TableError
from filesync_dagster.tables.synthetic.model import Model
from filesync_dagster.tables.synthetic.options import GenerateRequest

MOST_SCALE_TIMES = 1_000
MOST_ROWS = 100_000_000


def check_request(model: Model, request: GenerateRequest) -> None:
    """Raise a TableError where a request asks for what is not there, or for too much."""
    if not 0 < request.scale <= MOST_SCALE_TIMES:
        raise LimitReached(
            f"The scale is {request.scale}; it can be above 0 and at most {MOST_SCALE_TIMES}.",
            code="scale",
            field="scale",
        )
    for table, rows in request.rows.items():
        _check_table(model, table, "rows")
        if not 0 <= rows <= MOST_ROWS:
            raise LimitReached(f"{rows} rows of {table} were asked for.", code="rows", field="rows")
        if model.tables[table].kept is not None:
            raise TableError(f"{table} is kept as it is: it has no other number of rows.", code="kept", field="rows")
    _check_conditions(model, request)


def _check_conditions(model: Model, request: GenerateRequest) -> None:
    if request.conditions and model.learner is not None:
        raise TableError(
            "The engine mostlyai knows no conditions.", hint="`core` does.", code="bad_request", field="conditions"
        )
    for condition in request.conditions:
        _check_table(model, condition.table, "conditions")
        known = model.tables[condition.table].schema.names
        for column in condition.where:
            if column not in known:
                raise TableError(
                    f"A condition is about {condition.table}.{column}, which is not there.",
                    code="unknown_column",
                    field="conditions",
                )


def _check_table(model: Model, table: str, field: str) -> None:
    if table not in model.tables:
        raise TableError(f"There is no table {table}.", code="unknown_table", field=field)
