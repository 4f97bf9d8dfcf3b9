"""Random graphs of authorities that sign each other: judge, verifier and OpenSSL are of one mind about paths."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from pse_preflight.certificate import Certificate
from pse_preflight.chain import verify
from pse_preflight.chain.judge import ChainQuestion, Judgement, judge_chain
from pse_preflight.chain.search import is_self_signed
from pse_preflight.chain.verify import LONGEST_PATH, Period
from tests.kit import openssl
from tests.kit.drafts import Draft, Press, authority, key, server, usage
from tests.kit.faulty_chains import ROOTS_NAME

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOST = "erp.example.com"
FEW, MANY, MOST = 30, 1500, 400
KEYS = ("p256", "p256", "rsa", "p384")


@dataclass(frozen=True)
class Graph:
    """What a server sends, and what is trusted."""

    sent: tuple[Certificate, ...]
    roots: tuple[Certificate, ...]

    def question(self) -> ChainQuestion:
        return ChainQuestion(
            host=HOST,
            presented=tuple(each.der for each in self.sent),
            roots=self.roots,
            roots_name=ROOTS_NAME,
            period=Period(NOW, NOW),
        )

    def judged(self) -> Judgement:
        return judge_chain(self.question())


def _graph(seed: int) -> Graph:
    """Draft storeys of authorities, few names for many keys, each signed by some of the storey above."""
    chance = random.Random(seed)  # noqa: S311 - the same graphs in every run
    storeys = [[_authority(chance, None, 0, number) for number in range(chance.randint(1, 3))]]
    for storey in range(1, chance.randint(2, 4)):
        storeys.append([])
        for number in range(chance.randint(1, 3)):
            below = _authority(chance, chance.choice(storeys[-2]), storey, number)
            storeys[-1].append(below)
            crossed = [below.twin(issuer=other) for other in storeys[-2] if other is not below.issuer]
            storeys[-1] += [_changed(chance, each) for each in crossed if chance.random() < 0.4]
    leaf = server(HOST, chance.choice(storeys[-1]), NOW - timedelta(days=10), 90, key("p256", 1000))
    others = [each for storey in storeys for each in storey if chance.random() < 0.85]
    chance.shuffle(others)
    roots = [each for each in storeys[0] if chance.random() < 0.7]
    press = Press()
    sent, trusted = ([Certificate.read(press.made(each)) for each in group] for group in ((leaf, *others), roots))
    return Graph(tuple(dict.fromkeys(sent)), tuple(trusted))


def _authority(chance: random.Random, issuer: Draft | None, storey: int, number: int) -> Draft:
    """Draft an authority; some of a storey bear the same name, with keys of one kind or of several."""
    held = key(chance.choice(KEYS), 10 * storey + number)
    name = f"Storey {storey}" if chance.random() < 0.4 else f"Storey {storey} {number}"
    return _changed(chance, authority(name, issuer, NOW - timedelta(days=100), 1000, held))


def _changed(chance: random.Random, draft: Draft) -> Draft:
    """Make one thing wrong with some."""
    dice = chance.random()
    if dice < 0.08:
        draft.end = NOW - timedelta(days=1)
    elif dice < 0.12:
        draft.start = NOW + timedelta(days=1)
    elif dice < 0.17:
        draft.says(x509.BasicConstraints(ca=True, path_length=chance.choice([0, 0, 1, 2])), critical=True)
    elif dice < 0.20:
        draft.says(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    elif dice < 0.23:
        draft.says(usage("digital_signature"), critical=True)
    elif dice < 0.26:
        draft.says(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))
    elif dice < 0.30:
        draft.says(
            x509.NameConstraints([x509.DNSName(chance.choice(["example.com", "example.org"]))], None), critical=True
        )
    return draft


def _verifier_accepts(graph: Graph) -> bool:
    """Ask the verifier alone, with all that is at hand at once."""
    roots = [each.parsed for each in graph.roots if is_self_signed(each)]
    if not roots:
        return False
    authorities, servers = verify._private_policies(pinned=False)
    builder = PolicyBuilder().store(Store(roots)).time(NOW).max_chain_depth(LONGEST_PATH)
    builder = builder.extension_policies(ca_policy=authorities, ee_policy=servers)
    leaf, *others = (each.parsed for each in graph.sent)
    try:
        builder.build_server_verifier(x509.DNSName(HOST)).verify(leaf, others)
    except VerificationError:
        return False
    return True


def _check_against_the_verifier(seeds: range) -> int:
    accepted = 0
    for seed in seeds:
        graph = _graph(seed)
        judgement = graph.judged()
        assert bool(judgement.path) is _verifier_accepts(graph), seed
        assert judgement.path or judgement.findings, seed
        accepted += bool(judgement.path)
    return accepted


def test_verifier_is_of_the_same_mind() -> None:
    assert FEW // 10 < _check_against_the_verifier(range(FEW)) < FEW * 9 // 10


@pytest.mark.long
def test_verifier_is_of_the_same_mind_about_many() -> None:
    assert MANY // 10 < _check_against_the_verifier(range(FEW, FEW + MANY)) < MANY * 9 // 10


@pytest.mark.long
@openssl.NEEDED
def test_openssl_is_of_the_same_mind(tmp_path: Path) -> None:
    """OpenSSL tries one way only, so it is asked about the path that was found; where there is none, about it all."""
    for seed in range(MOST):
        graph = _graph(seed)
        path = graph.judged().path
        if path:
            assert openssl.accepts(path[:-1], path[-1:], NOW, tmp_path, host=HOST), seed
        else:
            assert not graph.roots or not openssl.accepts(graph.sent, graph.roots, NOW, tmp_path, host=HOST), seed


@openssl.NEEDED
def test_openssl_can_say_yes_and_no(tmp_path: Path) -> None:
    plain = next(graph for graph in map(_graph, range(100)) if graph.judged().path)
    path = plain.judged().path
    assert openssl.accepts(path[:-1], path[-1:], NOW, tmp_path, host=HOST)
    assert not openssl.accepts(path[:-1], path[-1:], NOW + timedelta(days=9000), tmp_path, host=HOST)
    assert not openssl.accepts(path[:-1], path[-1:], NOW, tmp_path, host="other.example.com")


def test_order_has_no_say() -> None:
    for seed in range(12):
        graph = _graph(seed)
        leaf, *others = graph.sent
        turned = Graph((leaf, *reversed(others)), graph.roots[::-1])
        assert turned.judged().path == graph.judged().path, seed
