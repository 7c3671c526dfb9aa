import io
import os

import numpy as np
import soundfile
from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
def health() -> dict[str, object]:
    return {"status": "ok", "uid": os.getuid()}


@app.get("/loudest")
def loudest(frequency: int = 440) -> dict[str, int]:
    """Writes a tone as FLAC, reads it again, and finds its frequency."""
    rate = 8000
    file = io.BytesIO()
    soundfile.write(file, np.sin(2 * np.pi * frequency * np.arange(rate) / rate), rate, format="FLAC")
    file.seek(0)
    samples, rate = soundfile.read(file)
    spectrum = np.abs(np.fft.rfft(samples))
    return {"frequency": int(np.argmax(spectrum) * rate / len(samples))}
