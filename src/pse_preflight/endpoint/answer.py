"""What an HTTP answer shows, whoever read it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from pse_preflight.endpoint.head import bare_location, bounded
from pse_preflight.endpoint.model import HttpAnswer

Header = Callable[[str], str | None]

_REDIRECTS = range(300, 400)
_GOOD = range(200, 300)
_REALM = re.compile(r'realm="([^"]*)"', re.IGNORECASE)
_LOGIN_HOST = re.compile(r"(.+\.)?(accounts?|login|logon|sso|idp|auth|authentication)(\d*)\..+")
_LOGIN_PATH = re.compile(r"/(saml2?|oauth2?|login|logon|signin|adfs|sso|idp)(/|\.|$)", re.IGNORECASE)
_PASSWORD_FIELD = re.compile(rb"""type\s*=\s*["']?password|name\s*=\s*["']?SAMLRequest""", re.IGNORECASE)
_MOST_NAMES = 20


def read_answer(status: int, header: Header, names: list[str], body: bytes) -> HttpAnswer:
    """Keep what the checks and their readers need of an answer; `body` may be its first part only."""
    location = header("location")
    content_type = (header("content-type") or "").partition(";")[0].strip().lower()
    realm = _REALM.search(header("www-authenticate") or "")
    asks_for_password = status in _GOOD and content_type == "text/html" and bool(_PASSWORD_FIELD.search(body))
    return HttpAnswer(
        status=status,
        server=bounded(header("server")),
        realm=bounded(realm[1]) if realm else None,
        location=bare_location(location) if location else None,
        date=bounded(header("date")),
        content_type=bounded(content_type),
        sap_headers=tuple(sorted({name.lower() for name in names if name.lower().startswith("sap-")}))[:_MOST_NAMES],
        retry_after=bounded(header("retry-after")),
        looks_like_login_page=asks_for_password or _leads_to_login(status, location),
    )


def date_offset(header: Header, now: datetime) -> float | None:
    """Return the server's Date minus our moment in seconds, or None where no date can be read.

    A cache on the way adds the age of its copy (RFC 9111, section 5.1).
    """
    try:
        date = parsedate_to_datetime(header("date") or "")
        date = date.replace(tzinfo=date.tzinfo or UTC)
        age = header("age") or "0"
        return (date - now).total_seconds() + (int(age[:9]) if age.isdecimal() else 0)
    except (ValueError, TypeError, OverflowError):
        return None


def _leads_to_login(status: int, location: str | None) -> bool:
    if status not in _REDIRECTS or not location:
        return False
    try:
        parts = urlsplit(location)
    except ValueError:
        return False
    return bool(_LOGIN_HOST.fullmatch(parts.hostname or "") or _LOGIN_PATH.search(parts.path))
