"""Recordings of format 1, which earlier versions wrote: still read, and judged like today's."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.chain.roots import Roots
from pse_preflight.chain.verify import Period
from pse_preflight.checklist import Code
from pse_preflight.client_pse.condition import Condition, PseContent, State
from pse_preflight.client_pse.findings import file_findings
from pse_preflight.client_pse.model import ClientPse
from pse_preflight.endpoint.model import Endpoint, Failure, HttpAnswer, LiveHandshake, WebSocketAnswer, WebSocketReading
from pse_preflight.landscape.system import ExpiryDays
from pse_preflight.pse.file import TrustedCertificate
from pse_preflight.recording.folder import Folder, read
from pse_preflight.recording.format import Asked, EvidenceUnreadable, Recording, system_of
from pse_preflight.sapgenpse.output import ListedCertificate, Listing
from pse_preflight.verdict.changes import Change, Known
from pse_preflight.verdict.evidence import Origin, judge
from tests.kit.pse_mutations import tbs
from tests.kit.servers import LOOPBACK
from tests.kit.systems import NOTHING_KNOWN, NOW, path, server

LEAF, ISSUING, ROOT = path(server())
STAMP = NOW.isoformat()
Edit = Callable[[dict[str, Any]], object]


def _base64(certificate: Certificate) -> str:
    return base64.b64encode(certificate.der).decode("ascii")


def _format_1() -> dict[str, Any]:
    """Return a recording as version 1 wrote it, every key of its schema in it."""
    return {
        "format": 1,
        "recorded": {"host": "erp01", "account": "xtract", "at": STAMP, "toolkit": "0.1.0"},
        "asked": {
            "alias": "PRD",
            "url": f"https://{LOOPBACK}:8443",
            "pse": "/sec/client.pse",
            "secudir": "/sec",
            "dn": None,
            "roots": "/etc/roots.pem",
            "pinned": [],
            "include_leaf": False,
            "expiry_days": {"leaf": 7, "ca": 90},
            "required_roots": [ROOT.sha256],
            "tags": ["prod"],
            "extras": [["x-ticket", "CHG0042"]],
            "engine": "sapgenpse",
            "confirm": True,
        },
        "roots": {"name": "/etc/roots.pem", "explicit": True, "certificates": [_base64(ROOT)]},
        "endpoint": {
            "host": LOOPBACK,
            "port": 8443,
            "proxy": "proxy:3128",
            "asked_at": STAMP,
            "addresses": [LOOPBACK],
            "address": LOOPBACK,
            "key_kind": "any",
            "failure": None,
            "presented_cut": False,
            "tls_version": "TLSv1.2",
            "tls_12": True,
            "wants_client_certificate": False,
            "http": {
                "status": 401,
                "server": "SAP",
                "realm": None,
                "location": None,
                "date": None,
                "content_type": "text/html",
                "sap_headers": ["sap-system"],
                "looks_like_login_page": False,
            },
            "http_failure": {"code": "HTTP_NO_ANSWER", "details": {"ended": "reset"}},
            "date_offset_seconds": -1.5,
        },
        "presented": [LEAF.sha256, ISSUING.sha256],
        "fetched": [_base64(ISSUING)],
        "pse": {
            "state": "plain",
            "problem": "",
            "mode": "0640",
            "created": True,
            "tool": "/opt/sapgenpse",
            "one_reader": False,
            "listing": [
                {
                    "subject": ROOT.subject,
                    "issuer": ROOT.issuer,
                    "sha256": ROOT.sha256,
                    "serial": ROOT.parsed.serial_number,
                    "not_before": None,
                    "not_after": ROOT.not_after.isoformat(),
                }
            ],
            "said": [],
            "file": {
                "owner": _base64(LEAF),
                "trusted": [
                    {"tbs": base64.b64encode(tbs(ROOT)).decode("ascii"), "der": _base64(ROOT), "found": "PKList"},
                    {"tbs": base64.b64encode(tbs(ISSUING)).decode("ascii"), "der": None, "found": "PKList"},
                ],
            },
        },
        "live": {
            "host": LOOPBACK,
            "port": 8443,
            "asked_at": STAMP,
            "succeeded": True,
            "accepted": True,
            "verify_code": None,
            "failure": None,
            "tls_version": "TLSv1.3",
            "websocket": {
                "reading": "SAP answered and wants credentials first",
                "http": None,
                "protocol": None,
                "ended": None,
            },
        },
        "changes": [
            {
                "what": "the intermediate",
                "before": {"name": ROOT.name, "sha256": ROOT.sha256, "not_after": ROOT.not_after.isoformat()},
                "after": None,
                "since": STAMP,
                "seen": STAMP,
            }
        ],
    }


def _today() -> Recording:
    """Return what that recording says, in the form of today's."""
    trusted = (TrustedCertificate(tbs(ROOT), ROOT.der, "PKList"), TrustedCertificate(tbs(ISSUING), None, "PKList"))
    listed = ListedCertificate(ROOT.sha256, ROOT.subject, ROOT.issuer, ROOT.parsed.serial_number, None, ROOT.not_after)
    return Recording(
        recorded=Origin(host="erp01", account="xtract", at=NOW, toolkit="0.1.0"),
        asked=Asked(
            alias="PRD",
            url=f"https://{LOOPBACK}:8443",
            pse="/sec/client.pse",
            secudir="/sec",
            dn=None,
            roots="/etc/roots.pem",
            pinned=(),
            include_leaf=False,
            expiry_days=ExpiryDays(),
            required_roots=(ROOT.sha256,),
            tags=("prod",),
            extras=(("x-ticket", "CHG0042"),),
            engine="sapgenpse",
            confirm=True,
        ),
        roots=Roots((ROOT,), "/etc/roots.pem", explicit=True),
        endpoint=Endpoint(
            host=LOOPBACK,
            port=8443,
            proxy="proxy:3128",
            asked_at=NOW,
            addresses=(LOOPBACK,),
            address=LOOPBACK,
            presented=(LEAF.der, ISSUING.der),
            tls_version="TLSv1.2",
            tls_12=True,
            wants_client_certificate=False,
            http=HttpAnswer(401, server="SAP", content_type="text/html", sap_headers=("sap-system",)),
            http_failure=Failure(Code.HTTP_NO_ANSWER, ended="reset"),
            date_offset_seconds=-1.5,
        ),
        presented=(LEAF.sha256, ISSUING.sha256),
        fetched=(ISSUING.der,),
        pse=ClientPse(
            Condition(Path("/sec/client.pse"), State.PLAIN, "", PseContent(LEAF, trusted), 0o640),
            listing=Listing((listed,)),
            tool="/opt/sapgenpse",
        ),
        live=LiveHandshake(
            host=LOOPBACK,
            port=8443,
            asked_at=NOW,
            succeeded=True,
            accepted=True,
            tls_version="TLSv1.3",
            websocket=WebSocketAnswer(WebSocketReading.WANTS_LOGIN),
        ),
        changes=(Change(what="the intermediate", before=Known.of(ROOT), after=None, since=NOW, seen=NOW),),
    )


def _written(folder: Path, edit: Edit = lambda _told: None) -> Path:
    told = _format_1()
    edit(told)
    (folder / "presented.pem").write_text(LEAF.pem + ISSUING.pem, encoding="ascii")
    (folder / "evidence.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def test_it_says_what_it_said_then(tmp_path: Path) -> None:
    replay = read(_written(tmp_path))
    assert replay.recording == _today()
    assert replay.doubts == ()


def test_it_is_judged_like_todays(tmp_path: Path) -> None:
    recording = read(_written(tmp_path)).recording
    evidence = judge(system_of(recording), recording.observations(NOTHING_KNOWN), Period(NOW, NOW))
    assert evidence.trust.path == (LEAF, ISSUING, ROOT)
    assert evidence.roots == Roots((ROOT,), "/etc/roots.pem", explicit=True)
    assert {each.code for each in evidence.findings} >= {"HTTP_NO_ANSWER", "PSE_READABLE_BY_GROUP"}
    assert not {"PSE_CREATED", "EVIDENCE_INCONSISTENT"} & {each.code for each in evidence.findings}


def test_it_is_the_last_recording_that_the_next_run_compares_with(tmp_path: Path) -> None:
    assert Folder(_written(tmp_path)).last() == _today()


@pytest.mark.parametrize(
    ("code", "details", "seen"),
    [
        ("HOST_UNKNOWN", {"name": "a.example.com", "resolver_error": None}, {"name": "a.example.com"}),
        ("DNS_TIMEOUT", {"name": "a", "seconds": 10.0}, {"name": "a", "seconds": 10.0}),
        ("PORT_REFUSED", {"addresses": ["10.0.0.1"], "seconds": 10}, {"addresses": ("10.0.0.1",), "seconds": 10.0}),
        ("PORT_TIMEOUT", {"proxy_is_silent": True}, {"proxy_is_silent": True}),
        ("PROXY_REFUSED", {"status": 403}, {"status": 403}),
        ("PROXY_REFUSED", {"closed": True}, {"closed": True}),
        ("PROXY_WANTS_LOGIN", {"schemes": ["NTLM"], "sent_login": True}, {"schemes": ("NTLM",), "sent_login": True}),
        ("PROXY_ANSWERS_ITSELF", {"status": 302, "location": None}, {"status": 302}),
        ("PROXY_ANSWERS_ITSELF", {"first_bytes": "SSH-2.0", "speaks_tls": False}, {"first_bytes": "SSH-2.0"}),
        ("TLS_HANDSHAKE_FAILED", {"alert": 40, "ended": "alert", "heard_bytes": 7, "hello_version": None}, {
            "alert": 40, "ended": "alert", "heard_bytes": 7,
        }),
        ("TLS_TOO_OLD", {"hello_version": 0x0301}, {"hello_version": 0x0301}),
        ("CLIENT_CERTIFICATE_WANTED", {"alert": None}, {}),
        ("TLS_TIMEOUT", {"of another version": [1]}, {}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["endpoint", "live"])
def test_what_was_seen_of_a_failure_is_kept(
    tmp_path: Path, where: str, code: str, details: dict[str, Any], seen: dict[str, Any]
) -> None:
    place = _written(tmp_path, lambda told: told[where].update(failure={"code": code, "details": details}))
    part = getattr(read(place).recording, where)
    assert part.failure == Failure(Code(code), **seen)


@pytest.mark.parametrize(
    ("state", "said", "codes"),
    [
        ("missing", [], []),
        ("has a PIN", [], ["PSE_HAS_PIN"]),
        ("plain", [{"code": "PSE_HAS_PIN", "text": "a PIN is asked for"}], ["PSE_HAS_PIN"]),
        ("plain", [{"code": "TOOL_TIMEOUT", "text": "no answer in 30 s"}], ["TOOL_TIMEOUT"]),
        ("unreadable", [], ["PSE_UNREADABLE"]),
    ],
    ids=["missing", "PIN by the file", "PIN by the tool", "time-out", "unreadable"],
)
def test_a_pse_without_a_list_comes_back_with_what_was_said(
    tmp_path: Path, state: str, said: list[dict[str, str]], codes: list[str]
) -> None:
    gone = {"state": state, "said": said, "listing": None, "file": None, "mode": None, "problem": "it is a folder"}
    pse = read(_written(tmp_path, lambda told: told["pse"].update(gone))).recording.observations(NOTHING_KNOWN).pse
    assert (pse.listing, pse.condition.mode, pse.condition.content) == (None, None, None)
    assert [each.code for each in file_findings(pse)] == codes
    assert [each.observed for each in file_findings(pse) if each.code == "TOOL_TIMEOUT"] == [
        each["text"] for each in said if each["code"] == "TOOL_TIMEOUT"
    ]


def test_nothing_asked_can_be_read_too(tmp_path: Path) -> None:
    blind = read(_written(tmp_path, lambda told: told.update(endpoint=None, live=None, roots=None, presented=[])))
    assert (blind.recording.endpoint, blind.recording.live, blind.recording.roots) == (None, None, None)


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda told: told.pop("pse"), id="no pse"),
        pytest.param(lambda told: told.pop("endpoint"), id="no endpoint"),
        pytest.param(lambda told: told.update(pse=[]), id="pse is a list"),
        pytest.param(lambda told: told["pse"].update(said=None), id="nothing said"),
        pytest.param(lambda told: told["pse"].update(said=["x"]), id="said without a code"),
        pytest.param(lambda told: told["pse"].update(state="fine"), id="no state"),
        pytest.param(lambda told: told["pse"].update(mode="rw"), id="no mode"),
        pytest.param(lambda told: told["endpoint"].update(failure="x"), id="failure is a text"),
        pytest.param(lambda told: told["endpoint"].update(failure={"code": "PORT_REFUSED"}), id="no details"),
        pytest.param(
            lambda told: told["endpoint"].update(failure={"code": "PORT_REFUSED", "details": {"seconds": "long"}}),
            id="no seconds",
        ),
        pytest.param(lambda told: told["pse"]["file"].update(owner="&"), id="no base64"),
        pytest.param(lambda told: told["recorded"].update(at="2026-01-01T00:00:00"), id="no time zone"),
    ],
)
def test_what_has_not_its_form_is_refused(tmp_path: Path, edit: Edit) -> None:
    assert read(_written(tmp_path)).recording == _today()
    with pytest.raises(EvidenceUnreadable, match=r"evidence\.json: "):
        read(_written(tmp_path, edit))


def test_a_version_that_is_not_known_is_not_taken_for_it(tmp_path: Path) -> None:
    with pytest.raises(EvidenceUnreadable, match=r"evidence\.json: format"):
        read(_written(tmp_path, lambda told: told.update(format=3)))
