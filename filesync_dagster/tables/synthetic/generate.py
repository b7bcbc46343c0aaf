"""The generation: a model and a request in, tables out, written block by block."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.tables.model import DataSet, Table
from filesync_dagster.tables.synthetic.ancestry import begin_table, climb, close_cycle, root_rows
from filesync_dagster.tables.synthetic.blocks import draw_block
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.layout import block_bounds
from filesync_dagster.tables.synthetic.model import Model, TableModel
from filesync_dagster.tables.synthetic.options import GenerateRequest, ProgressReport, Watch
from filesync_dagster.tables.synthetic.orphans import with_inclusion
from filesync_dagster.tables.synthetic.peers.pool import POOL_ROW
from filesync_dagster.tables.synthetic.relations import LinkUse
from filesync_dagster.tables.synthetic.requests import check_request
from filesync_dagster.tables.synthetic.rule_check import verify_rules
from filesync_dagster.tables.synthetic.state import (
    Generation,
    TableState,
    file_name,
    output_schema,
    small_codes,
)
from filesync_dagster.tables.synthetic.values import AnyArray, ArrowArray
from filesync_dagster.tables.synthetic.verify import verify

COMPRESSION: Literal["zstd"] = "zstd"


def generate(
    model: Model,
    request: GenerateRequest,
    folder: Path,
    *,
    progress: ProgressReport | None = None,
    cancel: Callable[[], bool] | None = None,
) -> DataSet:
    """Write synthetic tables into a folder, one Parquet file each, and verify them as they are there.

    Raises KeysBroken, RuleBroken, LimitReached, Cancelled; then nothing of it is left in the folder.
    """
    check_request(model, request)
    folder.mkdir(parents=True, exist_ok=True)
    work = Generation(model, request, folder, Watch(progress, cancel))
    with _clean_up(folder):
        _draw_pool(work)
        for name in model.plan.order:
            _generate_table(work, model.tables[name])
        for name in model.plan.order:
            _add_late_keys(work, model.tables[name])
        found = DataSet(
            tuple(
                Table(output_schema(work, table.schema), (_path(work, name),)) for name, table in model.tables.items()
            ),
            tuple(
                with_inclusion(
                    link.relation,
                    model.links[link.number].orphan_keys,
                    work.states[link.child].parents.get(link.number),
                )
                for link in model.plan.links
            ),
            model.rules,
        )
        work.watch.step("checking")
        verify(found, watch=work.watch)
        return verify_rules(found)


@contextmanager
def _clean_up(folder: Path) -> Iterator[None]:
    """Remove what was written where it does not come to an end."""
    before = set(folder.iterdir())
    try:
        yield
    except BaseException:
        for path in set(folder.iterdir()) - before:
            path.unlink()
        raise


def _draw_pool(work: Generation) -> None:
    """Let another engine draw, where one was trained."""
    learner, plan = work.model.learner, work.model.plan
    if learner is None:
        return
    roots = {name: table for name, table in work.model.tables.items() if plan.primary(name) is None}
    rows = {name: root_rows(work, table) for name, table in roots.items() if table.kept is None}
    assert work.request.seed is not None
    learner.draw(rows, work.request.seed, work.watch)


def _path(work: Generation, table: str) -> Path:
    return work.folder / file_name(table, tuple(work.model.tables))


def _generate_table(work: Generation, model: TableModel) -> None:
    name = model.schema.name
    if model.kept is not None:
        _copy_table(work, model, model.kept)
        return
    state = begin_table(work, model)
    for column, maker in model.keys.items():
        keys = maker.make(state.rows, work.request.key_start, work.random(name, "key", column))
        state.arrays[column] = keys.cast(model.schema.column(column).type)
    _write_blocks(work, model, state)


def _copy_table(work: Generation, model: TableModel, rows: pa.Table) -> None:
    """Copy a table that is kept as it is."""
    name = model.schema.name
    state = work.states[name] = TableState(rows.num_rows, codes=dict(model.kept_codes))
    if work.model.pool is not None:
        state.codes[POOL_ROW] = np.arange(rows.num_rows, dtype=np.int32)
    for column in work.model.needed_arrays(name):
        state.arrays[column] = rows.column(column).combine_chunks()
    work.warn(name, "kept", "The table is copied as it is.", count=rows.num_rows)
    schema = output_schema(work, model.schema).arrow()
    pq.write_table(rows.cast(schema), _path(work, name), compression=COMPRESSION)


def _late_columns(work: Generation, table: str) -> set[str]:
    links = work.model.plan.of_child(table, LinkUse.OWN, LinkUse.LATE)
    return {name for link in links for name in link.relation.child_columns}


def _write_blocks(work: Generation, model: TableModel, state: TableState) -> None:
    """Draw block after block, several at a time, and write them in their order."""
    name = model.schema.name
    late = _late_columns(work, name)
    codes: dict[str, list[AnyArray]] = {each: [] for each in sorted(work.model.needed_codes(name) - set(state.codes))}
    wanted = work.model.needed_arrays(name) - set(state.arrays) - late
    arrays: dict[str, list[ArrowArray]] = {each: [] for each in sorted(wanted)}
    primary = work.model.plan.primary(name)
    families = state.parents[primary.number] if primary else None
    bounds = block_bounds(families, state.rows, state.rows if model.one_block else work.request.block_rows)
    schema = output_schema(work, model.schema).arrow()
    if late:
        schema = pa.schema([field for field in schema if field.name not in late])
    path = _path(work, name).with_suffix(".draft") if late else _path(work, name)
    with pq.ParquetWriter(path, schema, compression=COMPRESSION) as writer, _mapper(work.request.threads) as map_blocks:
        for draft in map_blocks(partial(draw_block, work, model), enumerate(bounds)):
            work.watch.step("generating", name, int(draft.numbers[-1]) + 1, state.rows)
            columns = [draft.arrays[field.name].cast(field.type) for field in schema]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            _keep(state, draft, codes, arrays)
    for each, pieces in codes.items():
        state.codes[each] = np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int16)
    for each, kept in arrays.items():
        kind = model.schema.column(each).type
        state.arrays[each] = pa.concat_arrays([piece.cast(kind) for piece in kept]) if kept else pa.array([], kind)


def _keep(
    state: TableState, draft: RowDraft, codes: dict[str, list[AnyArray]], arrays: dict[str, list[ArrowArray]]
) -> None:
    """Keep of a block what others look at."""
    for number, rows in draft.parents.items():
        state.parents[number][draft.numbers] = rows
    for name, pieces in codes.items():
        pieces.append(_kept_codes(draft, name))
    for name, kept in arrays.items():
        kept.append(draft.arrays[name])


def _kept_codes(draft: RowDraft, name: str) -> AnyArray:
    """Return what later tables look at: codes, or the numbers of children and levels themselves."""
    if name.startswith(("n:", "d:")) and name in draft.values:
        return draft.values[name].data.astype(np.int32)
    if name not in draft.codes:  # a column of one value
        return np.zeros(draft.rows, dtype=np.int16)
    return small_codes(draft.codes[name])


@contextmanager
def _mapper(threads: int) -> Iterator[Callable[..., Iterator[RowDraft]]]:
    """Yield a map that keeps the order of what it is given, and never runs far ahead."""
    if threads <= 1:
        yield map
        return
    with ThreadPoolExecutor(threads) as pool:

        def in_order(draw: Callable[..., RowDraft], items: Iterable[Any]) -> Iterator[RowDraft]:
            waiting = []
            for item in items:
                waiting.append(pool.submit(draw, item))
                if len(waiting) > threads:
                    yield waiting.pop(0).result()
            for each in waiting:
                yield each.result()

        yield in_order


def _add_late_keys(work: Generation, model: TableModel) -> None:
    """Write a table again, with the keys that had to wait for others."""
    name = model.schema.name
    links = work.model.plan.of_child(name, LinkUse.OWN, LinkUse.LATE)
    if not links or model.kept is not None:
        return
    state = work.states[name]
    keys: dict[str, ArrowArray] = {}
    for link in links:
        rows = climb(work, model, link) if link.use is LinkUse.OWN else close_cycle(work, model, link)
        state.parents[link.number] = rows
        work.make_orphan_keys(link, rows)
        keys |= work.foreign_keys(link, rows)
    _rewrite(work, model, state, keys)


def _rewrite(work: Generation, model: TableModel, state: TableState, keys: dict[str, ArrowArray]) -> None:
    name = model.schema.name
    draft, schema = _path(work, name).with_suffix(".draft"), output_schema(work, model.schema).arrow()
    first: int = 0
    with (
        pq.ParquetFile(draft) as source,
        pq.ParquetWriter(_path(work, name), schema, compression=COMPRESSION) as writer,
    ):
        for group in range(source.num_row_groups):
            batch = source.read_row_group(group)
            columns = [
                keys[column].slice(first, batch.num_rows) if column in keys else batch.column(column)
                for column in schema.names
            ]
            writer.write_table(pa.table(columns, schema=schema))
            first += batch.num_rows
    draft.unlink()
