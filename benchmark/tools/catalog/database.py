"""A tool that runs SQL on three small tables. The tables are made in memory for each call.

SQLite enforces the limits. A statement can read only one table, and cannot use other tables, the schema, ATTACH or
pragmas. The length of a statement, the number of its steps and the size of its values are limited.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Literal

from toolmark.benchmark.tools.catalog._values import FIXTURE

_MAX_ROWS = 200
_MAX_STEPS = 100_000
_MAX_VALUE_BYTES = 100_000

_SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, email TEXT, city TEXT, country TEXT, join_date TEXT,
    total_spent REAL, status TEXT);
CREATE TABLE sales (id INTEGER PRIMARY KEY, customer_id INTEGER, product_name TEXT, quantity INTEGER, unit_price REAL,
    total_amount REAL, sale_date TEXT, region TEXT);
CREATE TABLE inventory (id INTEGER PRIMARY KEY, product_name TEXT, category TEXT, quantity_in_stock INTEGER,
    unit_price REAL, supplier TEXT, last_restocked TEXT, reorder_level INTEGER);
"""
_ROWS: dict[str, tuple[tuple[object, ...], ...]] = {
    "customers": (
        (1, "Ana Lopez", "ana@example.com", "Madrid", "Spain", "2023-02-11", 1240.5, "active"),
        (2, "Ben Carter", "ben@example.com", "London", "UK", "2022-07-30", 310.0, "inactive"),
        (3, "Chloe Martin", "chloe@example.com", "Paris", "France", "2024-01-05", 2875.25, "active"),
        (4, "Daiki Sato", "daiki@example.com", "Tokyo", "Japan", "2023-11-19", 990.0, "active"),
        (5, "Emma Jones", "emma@example.com", "New York", "USA", "2021-05-02", 5400.75, "active"),
        (6, "Farid Amini", "farid@example.com", "New York", "USA", "2024-08-21", 75.0, "inactive"),
    ),
    "sales": (
        (1, 1, "Laptop", 1, 1200.0, 1200.0, "2025-01-14", "Europe"),
        (2, 3, "Monitor", 2, 310.0, 620.0, "2025-02-03", "Europe"),
        (3, 5, "Laptop", 3, 1200.0, 3600.0, "2025-02-20", "North America"),
        (4, 4, "Keyboard", 5, 45.0, 225.0, "2025-03-08", "Asia"),
        (5, 2, "Mouse", 4, 25.0, 100.0, "2025-03-15", "Europe"),
        (6, 5, "Monitor", 1, 310.0, 310.0, "2025-04-01", "North America"),
    ),
    "inventory": (
        (1, "Laptop", "Computers", 14, 1200.0, "Northwind", "2025-05-10", 10),
        (2, "Monitor", "Displays", 6, 310.0, "Viewline", "2025-04-22", 8),
        (3, "Keyboard", "Accessories", 120, 45.0, "Keyworks", "2025-05-28", 30),
        (4, "Mouse", "Accessories", 18, 25.0, "Keyworks", "2025-03-30", 25),
        (5, "Webcam", "Accessories", 0, 80.0, "Viewline", "2025-01-12", 12),
    ),
}
_FUNCTIONS = frozenset(
    {
        *("abs", "avg", "count", "max", "min", "round", "sum", "total"),
        *("coalesce", "ifnull", "iif", "nullif", "typeof"),
        *("date", "datetime", "julianday", "strftime"),
        *("group_concat", "instr", "length", "like", "lower", "ltrim", "replace", "rtrim", "substr", "trim", "upper"),
    }
)


def query_database(query: str, dataset: Literal["customers", "sales", "inventory"]) -> dict[str, object]:
    """Run a SQL SELECT on one table.

    Columns: customers (id, name, email, city, country, join_date, total_spent, status); sales (id, customer_id,
    product_name, quantity, unit_price, total_amount, sale_date, region); inventory (id, product_name, category,
    quantity_in_stock, unit_price, supplier, last_restocked, reorder_level).

    Args:
        query: One SELECT statement.
        dataset: The table that it reads.
    """
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(_SCHEMA)
        for table, content in _ROWS.items():
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", content)  # noqa: S608 - our names
        connection.commit()
        _restrict(connection, dataset)
        cursor = connection.execute(query)
        rows = cursor.fetchmany(_MAX_ROWS + 1)
        if cursor.description is None:
            raise ValueError("only SELECT is allowed")
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise ValueError(f"the query on {dataset} failed: {error}") from None
    finally:
        connection.close()
    if len(rows) > _MAX_ROWS:
        raise ValueError(f"the query gives more than {_MAX_ROWS} rows")
    if any(isinstance(value, bytes) for row in rows for value in row):
        raise ValueError("the query gives binary values")
    # The result has no column names. So two queries give equal results if they select the same values under different
    # names.
    return {"rows": [list(row) for row in rows], "note": FIXTURE}


def _restrict(connection: sqlite3.Connection, dataset: str) -> None:
    def authorize(action: int, first: str | None, second: str | None, *_: Any) -> int:
        allowed = (
            action == sqlite3.SQLITE_SELECT
            or (action == sqlite3.SQLITE_READ and first == dataset)
            or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FUNCTIONS)
        )
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 10_000)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.set_authorizer(authorize)
    # SQLite calls this function after `_MAX_STEPS` steps. The result 1 makes SQLite stop the statement.
    connection.set_progress_handler(lambda: 1, _MAX_STEPS)
