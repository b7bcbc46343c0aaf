"""Reports: questions that people ask of the whole inventory, answered for a day from what is stored about it.

Each module answers some, in SQL over the snapshots of all endpoints (`activity`: over the journal), in bounded memory.
Nothing here asks a store, so any day that is stored can be told again. `counted` says of whom; `catalogue` knows the
names of the reports and imports nothing; `writing` puts them together.
"""

from filesync_dagster.monitoring.reports.catalogue import CATALOGUE, Title

__all__ = ["CATALOGUE", "Title"]
