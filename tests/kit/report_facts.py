"""Facts to make reports from, without a system behind them."""

from dataclasses import replace

from pse_preflight.report.facts import (
    CertificateFacts,
    CheckFacts,
    FindingFacts,
    Result,
    RootClockFacts,
    RunFacts,
    SystemFacts,
    SystemResult,
)

MADE = "2026-11-23T12:00:00+00:00"


ROOT_CLOCK = RootClockFacts(
    name="Root",
    sha256="ab" * 32,
    ends="2040-01-01",
    since="2024-02-13",
    since_release="1.0.0",
    left="",
    left_release="",
    mozilla="2029-04-15",
    chrome="",
    words="Root: required by SAP since 2024-02-13 (1.0.0); in Mozilla's list until 2029-04-15; ends 2040-01-01",
)


def certificate(name: str, role: str, **facts: object) -> CertificateFacts:
    usual = CertificateFacts(
        name=name,
        role=role,  # type: ignore[arg-type]
        subject=f"CN={name}",
        sha256=f"{abs(hash(name)) % 16**8:08x}" * 8,
        not_before="2026-11-01T00:00:00+00:00",
        not_after="2027-02-01T00:00:00+00:00" if role == "server" else "2040-01-01T00:00:00+00:00",
        sent=role != "root",
        in_pse=role != "server",
        anchor=role == "root",
        codes=(),
    )
    return replace(usual, **facts)  # type: ignore[arg-type]


def found(code: str = "ROOT_NOT_IN_PSE", **facts: object) -> FindingFacts:
    usual = FindingFacts(
        code=code,
        severity="blocker",
        check="test_maintain_pk_lists_the_chain",
        observed="the root is not in the certificate list",
        later="SSSLERR_PEER_CERT_UNTRUSTED (-102)",
        fix="add the root",
        fix_commands=("sapgenpse maintain_pk -a root.pem -p client.pse",),
        who="client admin",
        certificates=(),
        message=f"{code}: the root is not in the certificate list\nlater: x\nfix: add the root",
    )
    return replace(usual, **facts)  # type: ignore[arg-type]


def system(alias: str = "PRD", **facts: object) -> SystemFacts:
    usual = SystemFacts(
        alias=alias,
        host="host.example.com",
        port=443,
        proxy="",
        address="10.0.0.1",
        tls="TLSv1.2",
        pse="/sec/client.pse",
        pse_state="plain",
        created=False,
        engine="sapgenpse",
        chain=(certificate("server", "server"), certificate("Issuing", "intermediate"), certificate("Root", "root")),
        missing="",
        extras=(),
        listed=2,
        others=(),
        trusted=True,
        trust_unknown="",
        unconfirmed=False,
        trust_ends="2040-01-01T00:00:00+00:00",
        renewal="2027-02-01T00:00:00+00:00",
        root_clock=ROOT_CLOCK,
        judged=MADE,
        findings=(),
        files=("/evidence/PRD/evidence.json", "/evidence/PRD/presented.pem"),
        changes=(),
        origin="",
        labels=(),
    )
    return replace(usual, **facts)  # type: ignore[arg-type]


def check(alias: str, name: str = "test_chain_is_valid", **facts: object) -> CheckFacts:
    usual = CheckFacts(alias=alias, name=name, question="chain", ended="passed", codes=(), reason="")
    return replace(usual, **facts)  # type: ignore[arg-type]


def good(alias: str = "PRD", **facts: object) -> SystemResult:
    return SystemResult(
        alias=alias,
        verdict="OK",
        remark="",
        ran=32,
        of=32,
        facts=system(alias, **facts),
        checks=(check(alias),),
        decisive=None,
    )


def bad(alias: str = "PRD", finding: FindingFacts | None = None, **facts: object) -> SystemResult:
    decisive = finding or found()
    return SystemResult(
        alias=alias,
        verdict="FAILED",
        remark="",
        ran=2,
        of=32,
        facts=system(alias, **{"findings": (decisive,), "trust_ends": None, "trusted": False, **facts}),
        checks=(check(alias, ended="failed", codes=(decisive.code,)), check(alias, "test_chain_is_strong")),
        decisive=decisive,
    )


def unjudged(alias: str = "PRD", **facts: object) -> SystemResult:
    return replace(
        good(alias, **facts), verdict="NOT JUDGED", remark="the trust checks did not run", ran=6, checks=(check(alias),)
    )


def run(**facts: object) -> RunFacts:
    usual = RunFacts(
        toolkit="0.1.0", where="/here", host="vm", made=MADE, at=None, fail_on="major", engine="sapgenpse", replay=None
    )
    return replace(usual, **facts)  # type: ignore[arg-type]


def result(*systems: SystemResult, **facts: object) -> Result:
    verdict = "FAILED" if any(each.is_red for each in systems) else "OK"
    return Result(run=run(**facts), verdict=verdict, systems=systems)  # type: ignore[arg-type]
