"""The application: one greeting, and the health endpoint that the image's health check calls."""

import os
import sys

from fastapi import FastAPI

app = FastAPI(title="api")


@app.get("/")
def greeting() -> dict[str, str]:
    """Says hello."""
    return {"message": "Hello from pyfront"}


@app.get("/health")
def health() -> dict[str, str | int]:
    """Tells who runs this process, and on what."""
    return {"status": "ok", "uid": os.getuid(), "python": sys.version.split()[0], "prefix": sys.prefix}
