"""Data sets that tests fit, find keys in and export: each a folder of CSV files, or a `DataSet` of Parquet.

`hr` is a company of 11 tables; `planted` customers and orders whose relations are known; `flights` is real; `families`,
`shapes` and `odd_columns` have one thing each. All but `flights` are drawn from a seed: the same rows each time.
"""

from filesync_dagster_tests.tables.data_sets.files import rows_of, without_keys, write_csv, write_data_set, write_table
from filesync_dagster_tests.tables.data_sets.flights import flights, flights_data_set
from filesync_dagster_tests.tables.data_sets.hr import hr, hr_data_set
from filesync_dagster_tests.tables.data_sets.planted import planted, planted_data_set, planted_facts

__all__ = [
    "flights",
    "flights_data_set",
    "hr",
    "hr_data_set",
    "planted",
    "planted_data_set",
    "planted_facts",
    "rows_of",
    "without_keys",
    "write_csv",
    "write_data_set",
    "write_table",
]
