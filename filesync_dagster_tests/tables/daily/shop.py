"""A shop: customers and orders as CSV files beside the configuration, and the source that reads them."""

from datetime import UTC, datetime, timedelta

SHOP = {"name": "shop", "type": "upload", "config": {"file_paths": ["customers.csv", "orders.csv"]}}


def write_customers(folder, count=20, more=""):
    """Write the customers, with a column more if need be."""
    rows = "".join(f"{i},Name {i}{',x' if more else ''}\n" for i in range(1, count + 1))
    (folder / "customers.csv").write_text(f"id,name{',' + more if more else ''}\n{rows}")


def write_orders(folder, count=100, customers=20, orphans=0):
    """Write the orders; some of them, if need be, of customers that there are not."""
    whose = [i % customers + 1 if i > orphans else 1000 + i for i in range(1, count + 1)]
    rows = "".join(f"{i},{customer},{i}.50\n" for i, customer in enumerate(whose, 1))
    (folder / "orders.csv").write_text(f"id,customer_id,amount\n{rows}")


def day_ago(days):
    """Return a past day, in UTC."""
    return datetime.now(UTC).date() - timedelta(days=days)
