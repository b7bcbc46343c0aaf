"""The servers that other tests rely on."""

from sqlalchemy import create_engine
from sqlalchemy.engine import make_url


def test_every_test_has_a_database_of_its_own(postgres_url):
    """The database is there, writable and empty."""
    engine = create_engine(make_url(postgres_url).set(drivername="postgresql+psycopg2"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x int)")
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar_one() == 0
    engine.dispose()
