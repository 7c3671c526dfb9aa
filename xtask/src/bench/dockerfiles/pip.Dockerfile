# What most people have: pip, exact requirements, a cache mount, then the code.
FROM python:3.13-slim
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /app
COPY requirements.txt .
RUN --mount=type=cache,id={contender}-pip,target=/root/.cache/pip \
    --mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt \
    pip install -r requirements.txt
COPY src /app/src
ENV PYTHONPATH=/app/src
CMD ["uvicorn", "{module}.main:app", "--host", "0.0.0.0", "--port", "8000"]
