import os

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def greeting() -> dict[str, object]:
    return {"message": "Hello", "uid": os.getuid(), "level": os.environ.get("LOG_LEVEL")}
