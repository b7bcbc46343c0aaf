"""Alembic's scripts. A new one: change tables.py, add versions/v<revision>_<words>.py, raise migrate.HEAD."""
