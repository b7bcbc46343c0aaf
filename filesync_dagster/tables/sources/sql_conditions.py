"""Conditions of SQL that a user writes: one boolean expression, which ends where it ends."""

from collections.abc import Sequence
from typing import Any, Final

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.core.extras import import_from_extra

CONDITION_MAX_LETTERS: Final = 4_000


def require_condition(text: str, dialect: str, field: str) -> None:
    """Raise SourceRefused for a text that is not one expression: with a bracket too many, a second statement.

    It runs with the rights of the source's own credentials, read only: this is about mistakes, not about trust.
    """
    sqlglot = import_from_extra("sqlglot", "tables", "A condition of a source")
    problem = None
    if len(text) > CONDITION_MAX_LETTERS:
        problem = f"has more than {CONDITION_MAX_LETTERS:,} characters"
    elif "--" in text or "/*" in text:
        problem = "has a comment"
    else:
        try:
            statements = sqlglot.parse(f"SELECT 1 FROM t WHERE (\n{text}\n)", read=dialect)
            if not _is_one(statements, sqlglot.exp.Paren):
                problem = "is more than one condition"
        except (sqlglot.errors.SqlglotError, RecursionError):
            problem = "cannot be read as SQL"
    if problem:
        raise SourceRefused(
            f"The condition {problem}.", hint="Write one such as: amount > 0.", code="bad_config", field=field
        )


def _is_one(statements: Sequence[Any], parenthesis: type) -> bool:
    """Tell whether what was parsed is one query that has a condition in brackets and nothing else."""
    if len(statements) != 1 or statements[0] is None:
        return False
    parts = {name.rstrip("_") for name, part in statements[0].args.items() if part}
    where = statements[0].args.get("where")
    return (
        parts <= {"kind", "expressions", "from", "where"} and where is not None and isinstance(where.this, parenthesis)
    )
