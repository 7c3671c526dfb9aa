import os

import psycopg
import redis
from fastapi import FastAPI

app = FastAPI()
database = os.environ["DATABASE_URL"]
cache = redis.Redis.from_url(os.environ["REDIS_URL"])

# The database is healthy before this is started: `depends_on` in compose.yaml.
with psycopg.connect(database) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS visits (id serial PRIMARY KEY, name text NOT NULL)")


@app.get("/health")
def health() -> dict[str, object]:
    return {"status": "ok", "uid": os.getuid()}


@app.post("/visits")
def visit(name: str) -> dict[str, object]:
    """Writes a visit down, and counts those since the cache was started."""
    with psycopg.connect(database) as connection:
        row = connection.execute("INSERT INTO visits (name) VALUES (%s) RETURNING id", [name]).fetchone()
        version = connection.info.server_version // 10000
    return {"visit": row and row[0], "counted": cache.incr("visits"), "postgres": version}
