import os

from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
def health() -> dict[str, object]:
    return {"status": "ok", "uid": os.getuid()}


@app.get("/worker")
def worker() -> dict[str, int]:
    return {"pid": os.getpid(), "parent": os.getppid()}
