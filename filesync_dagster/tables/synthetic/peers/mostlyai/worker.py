"""The script that runs where the Synthetic Data Engine of MOSTLY AI is installed: `python -I worker.py`.

Its first line of standard input is the job, as JSON; the rest says nothing, and its end means that nobody waits any
more. It answers with JSON lines, of which the last is `done` or `failed`. It imports nothing of filesync.
"""

import json
import os
import signal
import sys
import threading
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

PROTOCOL = 1
KEY = "key"
REPORT_INTERVAL_SECONDS = 0.2
ENCODINGS = {"category": "TABULAR_CATEGORICAL", "number": "TABULAR_NUMERIC_BINNED"}
MESSAGE_LETTERS = 300


class Answers:
    """The lines that are answered. Whatever else is printed goes to standard error."""

    def __init__(self) -> None:
        self._file = os.fdopen(os.dup(1), "w", encoding="utf-8")
        self._told_at = 0.0
        os.dup2(2, 1)

    def tell(self, **values: Any) -> None:
        """Write a line."""
        self._file.write(json.dumps(values) + "\n")
        self._file.flush()

    def progress(self, stage: str, table: str, done: int, total: int) -> None:
        """Write how far it is, a few times a second."""
        now = time.monotonic()
        if now - self._told_at >= REPORT_INTERVAL_SECONDS:
            self._told_at = now
            self.tell(event="progress", stage=stage, table=table, done=done, total=total)


class Counter:
    """Takes what the engine tells while it works, and keeps what privacy the last model that it kept costs."""

    def __init__(self, answers: Answers, stage: str, table: str) -> None:
        self.epsilon: float | None = None
        self._answers, self._stage, self._table = answers, stage, table
        self._done, self._total = 0, 0

    def __call__(
        self,
        total: int | None = None,
        completed: int | None = None,
        advance: int | None = None,
        message: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Take a message of the engine."""
        self._total = total if total is not None else self._total
        self._done = completed if completed is not None else self._done + (advance or 0)
        if message and message.get("is_checkpoint") and message.get("dp_eps") is not None:
            self.epsilon = float(message["dp_eps"])
        self._answers.progress(self._stage, self._table, int(self._done), int(self._total))


def train(job: dict[str, Any], answers: Answers) -> None:
    """Train a model of each table."""
    engine, pandas = import_module("mostlyai.engine"), import_module("pandas")
    folder, privacy = Path(job["folder"]), job["privacy"]
    if privacy is not None:
        privacy = import_module("mostlyai.engine.domain").DifferentialPrivacyConfig(**privacy)
    engine.set_random_state(job["seed"] % 2**32)
    for table in job["tables"]:
        if not table["trained"]:
            continue
        name, place = table["name"], folder / table["id"]
        context = table["context"]
        own = {
            "ctx_data": pandas.read_parquet(folder / context["data"]) if context else None,
            "ctx_primary_key": KEY if context else None,
            "tgt_context_key": KEY if context else None,
            "ctx_encoding_types": _encodings(context["columns"]) if context else None,
        }
        rows = pandas.read_parquet(folder / table["data"])
        counter = Counter(answers, "training", name)
        engine.split(
            rows, model_type="TABULAR", tgt_encoding_types=_encodings(table["columns"]), workspace_dir=place, **own
        )
        engine.analyze(value_protection=privacy is not None, differential_privacy=privacy, workspace_dir=place)
        engine.encode(workspace_dir=place)
        engine.train(
            max_epochs=job["max_epochs"],
            max_training_time=job["max_minutes"],
            enable_flexible_generation=False,
            differential_privacy=privacy,
            workspace_dir=place,
            update_progress=counter,
        )
        answers.tell(event="trained", table=name, epsilon=counter.epsilon)


def _encodings(columns: dict[str, str]) -> dict[str, str]:
    return {name: ENCODINGS[kind] for name, kind in columns.items()}


def sample(job: dict[str, Any], answers: Answers) -> None:
    """Draw rows of each table, parents before their children."""
    engine, pandas = import_module("mostlyai.engine"), import_module("pandas")
    folder = Path(job["folder"])
    engine.set_random_state(job["seed"] % 2**32)
    frames: dict[str, Any] = {}
    for table in job["tables"]:
        place, counter = folder / table["id"], Counter(answers, "drawing", table["name"])
        context = table["context"]
        if table["known"]:
            frames[table["id"]] = pandas.read_parquet(folder / table["data"])
            continue
        if context:
            above = frames[context["table"]].assign(**{KEY: range(len(frames[context["table"]]))})
            found = pandas.DataFrame({KEY: pandas.Series(dtype="int64"), **{one: [] for one in table["columns"]}})
            if table["trained"] and len(above):
                engine.generate(
                    ctx_data=above[[KEY, *context["columns"]]],
                    rare_category_replacement_method="SAMPLE",
                    workspace_dir=place,
                    update_progress=counter,
                )
                found = pandas.read_parquet(place / "SyntheticData").sort_values(KEY, kind="stable", ignore_index=True)
            inherited = above.drop(columns=KEY).iloc[found[KEY].astype("int64")].reset_index(drop=True)
        else:
            found = pandas.DataFrame({one: ["0"] * table["rows"] for one in table["columns"]})
            if table["trained"] and table["rows"]:
                engine.generate(
                    sample_size=table["rows"],
                    rare_category_replacement_method="SAMPLE",
                    workspace_dir=place,
                    update_progress=counter,
                )
                found = pandas.read_parquet(place / "SyntheticData")
            inherited = pandas.DataFrame(index=found.index)
        found.to_parquet(folder / table["out"], index=False)
        frames[table["id"]] = pandas.concat([found[list(table["columns"])], inherited], axis=1)


def stop_when_alone() -> None:
    """End this process and all that it started once whoever gave the job is gone."""

    def watch() -> None:
        while os.read(0, 1):  # unbuffered: a thread that waits within a buffer would break the exit
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def main() -> int:
    """Do the job of standard input."""
    answers = Answers()
    job = json.loads(sys.stdin.buffer.readline())
    stop_when_alone()
    try:
        answers.tell(event="ready", protocol=PROTOCOL, version=version("mostlyai-engine"))
        if job["action"] == "check":
            import_module("mostlyai.engine")
        else:
            {"train": train, "sample": sample}[job["action"]](job, answers)
    except MemoryError:
        answers.tell(event="failed", kind="memory", message="")
        return 1
    except BaseException as error:
        answers.tell(event="failed", kind=type(error).__name__, message=str(error)[:MESSAGE_LETTERS])
        raise
    answers.tell(event="done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
