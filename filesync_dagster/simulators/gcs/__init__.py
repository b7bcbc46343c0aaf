"""Google Cloud Storage, simulated: buckets of objects with generations, soft deletion, and resumable uploads.

`store` is the world; `resources` describes it; `reads` and `writes` are the calls, `simulator` is what is around them.
Faithful to Google's own description of the JSON API, and driven by Google's own client in tests.
"""

from filesync_dagster.simulators.gcs.simulator import GcsSimulator

__all__ = ["GcsSimulator"]
