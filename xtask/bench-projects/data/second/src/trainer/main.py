"""The smallest service that imports what it depends on."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
def health() -> dict[str, str]:
    return {"message": "Hello from trainer"}
