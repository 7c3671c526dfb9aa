"""What the steps share that fetch files themselves: redirects that keep credentials where they belong, patience, and what
went wrong in words. Nothing that is printed holds a credential: URLs are shown without user and query.
"""

import base64
import hashlib
import http.client
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request

ATTEMPTS = 3
# Seconds without a byte.
PATIENCE = 60


class Failed(Exception):
    """What a person should read about one file."""


def realm(url):
    """Scheme, host and port: whom credentials are for."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def shown(url):
    """A URL as it may be printed."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))


def basic(user, password):
    return "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects; credentials stay with the server that they are for."""

    def redirect_request(self, request, file, code, message, headers, url):
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise Failed("the server redirects to something that is neither http nor https")
        if request.data is not None and code in (307, 308):
            # The library gives up here; these two mean that the same is to be asked elsewhere.
            kept = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
            new = urllib.request.Request(url, request.data, kept, unverifiable=True, method=request.get_method())
        else:
            new = super().redirect_request(request, file, code, message, headers, url)
        authorization = request.unredirected_hdrs.get("Authorization")
        if new is not None and authorization and realm(url) == realm(request.full_url):
            new.add_unredirected_header("Authorization", authorization)
        return new


def opener():
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    return urllib.request.build_opener(Redirects, urllib.request.HTTPSHandler(context=context))


def request(url, headers, authorization=None, data=None):
    """A request whose `headers` are sent to the server alone, not to whom it redirects to."""
    made = urllib.request.Request(url, data, {"User-Agent": "pyfront", "Accept-Encoding": "identity"})
    for name, value in headers.items():
        made.add_unredirected_header(name, value)
    if authorization:
        made.add_unredirected_header("Authorization", authorization)
    return made


def download(opener, request, path):
    """Downloads once; returns the hash of what came."""
    digest = hashlib.sha256()
    with opener.open(request, timeout=PATIENCE) as response, open(path, "wb") as target:
        expected, length = response.headers.get("Content-Length"), 0
        while True:
            block = response.read(1 << 20)
            if not block:
                break
            length += len(block)
            digest.update(block)
            target.write(block)
    if expected is not None and expected.isdigit() and int(expected) != length:
        raise http.client.IncompleteRead(b"", int(expected) - length)
    return digest.hexdigest()


def patient(work, *arguments):
    """Does some work over the network; what can pass with time is tried again."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return work(*arguments)
        except urllib.error.HTTPError as error:
            if attempt == ATTEMPTS or error.code not in (408, 429, 500, 502, 503, 504):
                raise
        except urllib.error.URLError as error:
            if attempt == ATTEMPTS or isinstance(error.reason, ssl.SSLError):
                raise
        except (OSError, http.client.HTTPException):
            if attempt == ATTEMPTS:
                raise
        time.sleep(attempt)


def broken(error):
    """What to tell about a connection that gave no answer."""
    if not isinstance(error, urllib.error.URLError):
        return Failed("the connection broke: %s" % (getattr(error, "strerror", None) or type(error).__name__))
    if isinstance(error.reason, ssl.SSLError):
        return Failed(
            "the certificate of the server is not trusted (%s)\n"
            "help: pass your company's certificates: --secret id=ca-certificates,src=FILE"
            % getattr(error.reason, "verify_message", "TLS failed")
        )
    return Failed("the server cannot be reached: %s" % (getattr(error.reason, "strerror", None) or "no answer"))
