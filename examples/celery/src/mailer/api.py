import os

from fastapi import FastAPI

from mailer.tasks import send

app = FastAPI()


@app.get("/health")
def health() -> dict[str, object]:
    return {"status": "ok", "uid": os.getuid()}


@app.post("/mails", status_code=202)
def post(message: str) -> dict[str, str]:
    return {"task": send.delay(message).id}
