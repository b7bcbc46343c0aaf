"""Arrow's functions on columns, as Any: its stubs know no plain values among columns, nor which types have a zone."""

from typing import Any

import pyarrow.compute

pc: Any = pyarrow.compute

Column = Any
"""A pyarrow.Array."""

DataType = Any
"""A pyarrow.DataType, whose kind tells which attributes it has."""
