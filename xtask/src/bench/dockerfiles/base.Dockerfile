# The base image after a patch release of Python: below it the same Debian, everything under /usr/local is another layer.
FROM python:3.13-slim AS before
FROM before
COPY --from=before /usr/local /usr/local
COPY <<END /usr/local/lib/python3.13/patch-release.txt
Not in the release before.
END
ENV PYTHON_VERSION=3.13.99
