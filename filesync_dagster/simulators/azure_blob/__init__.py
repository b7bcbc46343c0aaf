"""Azure Blob Storage, simulated: containers of block blobs, requests signed with the key of the account.

`store` is the world; `listing` is the call with pages, `simulator` all others and what is around them, `shared_key`
checks who asks. Driven by Microsoft's own client in tests, as is Microsoft's own emulator, which needs Node.js.
"""

from filesync_dagster.simulators.azure_blob.simulator import AzureBlobSimulator

__all__ = ["AzureBlobSimulator"]
