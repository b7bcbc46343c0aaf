"""What Alembic runs: the scripts on the connection, and in the transaction, that migrate.py hands over."""

from alembic import context

from filesync_dagster.storage.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
