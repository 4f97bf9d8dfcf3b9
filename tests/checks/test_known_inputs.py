"""What is known from elsewhere, and what no check may be left without a proof of: each input with many a PSE."""

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import islice

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from pse_preflight.certificate import Certificate, now, readable
from pse_preflight.chain.faults import is_authority
from pse_preflight.checklist import CHECKS, Code, Need
from pse_preflight.client_pse.condition import Condition, State
from pse_preflight.client_pse.model import Attempt, ClientPse, Reason
from pse_preflight.demo.server import SCENARIOS
from pse_preflight.landscape.file import read_landscape
from pse_preflight.landscape.select import Surroundings, select
from pse_preflight.run.all_systems import Gathering
from pse_preflight.settings import Settings
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import Verdict
from tests.chain import test_random_graphs, test_two_faults
from tests.checks.corpus import CORPUS, NOBODYS, PSE, Seen, chain_of, of_catalogue, of_chain, of_kind
from tests.kit.chains import CATALOGUE, Chain
from tests.kit.check_runs import ends, ends_alone, without_proof
from tests.kit.faulty_chains import KINDS
from tests.kit.servers import LOOPBACK, free_port
from tests.verdict.test_trust_matrix import CELLS, MATRIX, SERVERS, world
from tests.verdict.test_trust_matrix import NOW as MOMENT

DEAD = "DEAD"
EVERY, PAIRS = 12, 300
"""One kind of fault in so many is tried in the first tier; so many pairs of them are tried besides."""
LISTS = ("empty", "of nobody", "the roots", "what is sent", "the server certificate alone", "everything")


def _with_list(name: str, what: str) -> Seen:
    chain, _ = chain_of(name)
    sent = readable(chain.presented)
    others = tuple(each for each in readable(chain.fetched.values()) if is_authority(each))
    held = {
        "empty": (),
        "of nobody": (NOBODYS,),
        "the roots": chain.roots,
        "what is sent": sent[1:],
        "the server certificate alone": sent[:1],
        "everything": tuple(dict.fromkeys((*chain.roots, *sent, *others))),
    }
    return of_catalogue(name, held[what])


def _without_a_pse(name: str) -> Seen:
    missing = ClientPse(Condition(PSE, State.MISSING), tool="/opt/sap/sapgenpse")
    attempt = Attempt(refusals=(Reason(f"the chain of {name} is not verified", "see its finding"),))
    return of_catalogue(name).but(live=None, pse=missing, attempt=attempt).but_client(reach=None)


@pytest.mark.long
@pytest.mark.parametrize("name", [each.name for each in CATALOGUE])
def test_no_chain_leaves_a_check_without_a_proof_whatever_the_pse_holds(name: str) -> None:
    seen = [*(_with_list(name, each) for each in LISTS), _without_a_pse(name)]
    assert [(each.system.alias, told) for each in seen for told in without_proof(each.evidence())] == []


@pytest.mark.parametrize(
    "kind",
    [pytest.param(str(kind), marks=[pytest.mark.long] * (number % EVERY > 0)) for number, kind in enumerate(KINDS)],
)
def test_no_kind_of_fault_leaves_a_check_without_a_proof(kind: str) -> None:
    assert without_proof(of_kind(kind).evidence()) == []


@pytest.mark.long
def test_no_pair_of_faults_and_no_graph_of_authorities_leaves_a_check_without_a_proof() -> None:
    pairs = list(islice(test_two_faults._chains(PAIRS), PAIRS))
    graphs = [test_random_graphs._graph(seed) for seed in range(PAIRS)]
    seen = [
        *(of_chain(Chain(each.presented, _any_key(), each.roots), each.host, moment=each.now) for each in pairs),
        *(of_chain(Chain(_ders(each.sent), _any_key(), each.roots), test_random_graphs.HOST) for each in graphs),
    ]
    assert [told for each in seen for told in without_proof(each.evidence())] == []


@cache
def _any_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _ders(certificates: Iterable[Certificate]) -> tuple[bytes, ...]:
    return tuple(each.der for each in certificates)


@pytest.mark.parametrize(("held", "server"), CELLS)
def test_no_cell_of_the_matrix_leaves_a_check_without_a_proof(held: str, server: str) -> None:
    holder, sent = world().sent(server)
    roots = (world().root.certificate, world().leaf_of_new_root.issuers[-1])
    chain = Chain(tuple(Certificate.of(each).der for each in sent), holder.key, tuple(map(Certificate.of, roots)))
    evidence = of_chain(chain, LOOPBACK, tuple(map(Certificate.of, world().lists[held])), MOMENT).evidence()
    assert without_proof(evidence) == []
    accepted = MATRIX[held][SERVERS.index(server)].endswith("accepted")
    end = ends(evidence)["test_pse_trusts_the_server"]
    assert (end.verdict is Verdict.PASS) == accepted, end


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Evidence]:
    """Ask every demo system, and a host where nothing listens; the PSEs are made where that is allowed."""
    folder = tmp_path_factory.mktemp("asked")
    around = Surroundings({"SECUDIR": str(folder)}, folder, folder, folder / "evidence")
    file = folder / "systems.yaml"
    file.write_text(
        f"systems: {{{DEAD}: {{url: 'https://localhost:{free_port()}', roots: mozilla}}}}", encoding="utf-8"
    )
    systems = select(["demo", *(f"demo:{each}" for each in SCENARIOS), DEAD], read_landscape(file, {}), around)
    aliases = [each.alias for each in systems]
    settings = Settings(engine="bundled", evidence=around.evidence)
    run = Gathering(systems, settings, clock=now, asked=aliases, creating=aliases)
    return {alias: run.evidence(alias) for alias in aliases}


ASKED = ("demo", *(f"demo-{each}" for each in SCENARIOS), DEAD)


@pytest.mark.parametrize("alias", ASKED)
def test_each_check_of_a_demo_system_alone_ends_with_a_code_or_a_proof(
    asked: Mapping[str, Evidence], alias: str
) -> None:
    assert without_proof(asked[alias]) == []
    for end in ends_alone(asked[alias]).values():
        assert end.text.startswith(f"{end.codes[0]}: ") if end.is_red else end.verdict in {Verdict.PASS, Verdict.SKIP}


def test_a_dead_host_is_red_once_and_each_check_alone_tells_why(asked: Mapping[str, Evidence]) -> None:
    together = {check: end.codes[0] for check, end in ends(asked[DEAD]).items() if end.is_red}
    assert together == {"test_port_accepts_connections": Code.PORT_REFUSED}
    alone = {check: end.codes[0] for check, end in ends_alone(asked[DEAD]).items() if end.is_red}
    depending = [check for check, row in CHECKS.items() if {Need.TLS, Need.PSE_MADE} & set(row.needs)]
    assert {check for check, code in alone.items() if code is Code.PORT_REFUSED} >= set(depending) - CLIENTS


CLIENTS = {"test_client_account_can_read_the_pse"}  # nothing is configured of it


@pytest.mark.parametrize("check", ["test_pse_trusts_the_server", "test_websocket_rfc_answers", "test_chain_is_strong"])
def test_a_check_alone_tells_the_cause_for_which_it_cannot_be_made(asked: Mapping[str, Evidence], check: str) -> None:
    end = ends_alone(asked["demo-expired-leaf"])[check]
    red = check != "test_chain_is_strong"
    assert (end.verdict, end.codes) == ((Verdict.FAIL, (Code.CERTIFICATE_EXPIRED,)) if red else (Verdict.PASS, ()))


def test_an_intermediate_that_the_server_omits_and_the_pse_holds_is_one_red() -> None:
    seen = next(each for each in CORPUS if each.name == "omitted, and held by the PSE").evidence()
    red = {check: end.codes for check, end in ends(seen).items() if end.is_red}
    assert red == {"test_chain_is_complete": (Code.SERVER_OMITS_INTERMEDIATE,)}
    assert ends(seen)["test_chain_is_valid"].reason == (
        "blocked by SERVER_OMITS_INTERMEDIATE, see test_chain_is_complete"
    )
    made = [check for check, end in ends(seen).items() if end.verdict is Verdict.PASS]
    assert {"test_pse_trusts_the_server", "test_trust_survives_renewal", "test_handshake_with_the_pse_alone"} < set(
        made
    )


def test_the_same_without_the_pse_is_one_red_too() -> None:
    """The twin: nobody has the intermediate, and the trust checks are blocked for the same cause."""
    missing = ends(_with_list("missing-intermediate", "the roots").evidence())
    assert {check for check, end in missing.items() if end.is_red} == {"test_chain_is_complete"}
    assert missing["test_pse_trusts_the_server"].reason.startswith("blocked by SERVER_OMITS_INTERMEDIATE")
