"""What is wrong on the client's own side: its settings, its accounts, its own certificate; and what mends it."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from pse_preflight.certificate import Certificate, now, write_pem
from pse_preflight.checklist import Code
from pse_preflight.demo.authority import Identity, root_authority
from pse_preflight.pse import file as pse_file
from pse_preflight.pse import name
from pse_preflight.pse.objects import PATH
from tests.kit import java_stores
from tests.kit.files import keep_private
from tests.kit.fixes_of_servers import API_HOST, lead_through_a_proxy
from tests.kit.mending import Done, Fix, Fixes, Place, both, pasted
from tests.kit.pse_mutations import SALT, START

OPENGENPSE = str(Path(sys.executable).with_name("opengenpse"))
PRODUCT = "xtract"

_INI = "DEST=SYS\nWSHOST={host}\nWSPORT={port}\nTLS_CLIENT_PSE={pse}\n{more}\n"
_OWN_NAME = "CN=client"


# sapnwrfc.ini


def write_ini(place: Place, more: str = "ALIAS_USER=X", host: str = "") -> None:
    """Write a sapnwrfc.ini that names what is checked, but for another host and for what else is given."""
    _, _, authority = str(place.keys["url"]).partition("://")
    named, _, port = authority.partition(":")
    file = place.folder / "sapnwrfc.ini"
    text = _INI.format(host=host or named, port=port, pse=place.pse, more=more)
    file.write_text(text, encoding="utf-8")
    place.keys["client_ini"] = {"file": str(file), "dest": "SYS"}


def _ini(more: str = "ALIAS_USER=X", host: str = "") -> Done:
    return lambda place: write_ini(place, more, host)


def _proxy_lines(place: Place) -> str:
    host, _, port = str(place.keys["proxy"]).removeprefix("http://").partition(":")
    return f"PROXY_HOST={host}\nPROXY_PORT={port}\n"


def _logs_on_by(key: str) -> Done:
    return lambda place: write_ini(place, f"{_proxy_lines(place)}{key}=X")


def _through_a_proxy(place: Place) -> None:
    lead_through_a_proxy(place, API_HOST)


def _library_named(path: str) -> Done:
    def name_it(place: Place) -> None:
        (place.folder / "libsapcrypto.so").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(100))
        write_ini(place, f"ALIAS_USER=X\nTLS_SAPCRYPTOLIB={path.format(folder=place.folder)}")

    return name_it


# the connections of a product


def _connection(host: str = "localhost", port: int = 0, more: str = "", file: str = "SYS.ini") -> Done:
    """Put a connection of a product there, and name the product in systems.yaml."""

    def write(place: Place) -> None:
        folder = place.folder / "product" / "config" / "connections"
        folder.mkdir(parents=True, exist_ok=True)
        text = f"Host={host}\nPort={port or place.port}\nClient PSE={place.pse}\n{more}"
        (folder / file).write_text(text, encoding="utf-8")
        place.keys["client"] = {"product": PRODUCT, "folder": str(place.folder / "product")}

    return write


def _binary_connection(place: Place) -> None:
    (place.folder / "product" / "config" / "connections" / "old.dat").write_bytes(b"MZ\x90\0\x03\0\0\0")


def _without_the_binary_one(place: Place) -> None:
    (place.folder / "product" / "config" / "connections" / "old.dat").unlink()


def _folder_of_the_product(written: str) -> Done:
    return lambda place: place.keys.update(client={"product": PRODUCT, "folder": str(place.folder / written)})


def _user_is_alias(*, ticked: bool) -> Done:
    return both(
        _through_a_proxy, _connection(API_HOST, 443, f"User name is alias={'true' if ticked else 'false'}\nUser=X\n")
    )


# logon with a certificate


def _clients() -> Identity:
    root = root_authority("Root of clients", now() - timedelta(days=900), 4000)
    return root.issue_authority("Issuing CA of clients", now() - timedelta(days=800), 3000)


def _own(
    place: Place,
    days: float = 800,
    start: float = -10,
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
) -> tuple[tuple[Certificate, ...], rsa.RSAPrivateKey]:
    """Have the client's own certificate issued; the authority stays beside it for a second one."""
    authority = vars(place).setdefault("clients", _clients())
    key = rsa.generate_private_key(65537, 2048)
    purposes = x509.ExtendedKeyUsage([purpose])
    made = authority.issue(name.parse(_OWN_NAME), now() + timedelta(days=start), days, [(purposes, False)], key=key)
    return tuple(map(Certificate.of, (made.certificate, *made.issuers))), key


def _logs_on(place: Place, chain: Sequence[Certificate], key: rsa.RSAPrivateKey | None) -> None:
    """Let the client log on with this certificate of its PSE."""
    place.secudir.mkdir(mode=0o700, exist_ok=True)
    owner, *above = chain or (None,)
    made = pse_file.new(owner, key, (place.path[2], place.path[1]), path=above, time=START, salt=SALT)
    place.pse.write_bytes(made.encode())
    keep_private(place.pse)
    write_ini(place, "TLS_CLIENT_CERTIFICATE_LOGON=1")


def _issued(days: float = 800, start: float = -10) -> Done:
    return lambda place: _logs_on(place, *_own(place, days, start))


def _signed_by_itself(place: Place) -> None:
    key = rsa.generate_private_key(65537, 2048)
    start, end = now() - timedelta(days=9), now() + timedelta(days=3000)
    owner = pse_file.self_signed_owner(name.parse(_OWN_NAME), key, start=start, end=end, serial_number=1)
    _logs_on(place, [owner], key)
    vars(place).setdefault("clients", _clients())


def _without_an_issuer(place: Place) -> None:
    """Let the PSE hold the certificate and its root, and not what stands between them."""
    chain, key = _own(place)
    _logs_on(place, chain, key)
    made = pse_file.read(place.pse.read_bytes())
    gap = replace(made, objects=tuple(each for each in made.objects if each.name != PATH))
    place.pse.write_bytes(gap.encode())
    (place.folder / "answer.pem").write_text(write_pem(chain[:1]), encoding="ascii")
    (place.folder / "issuers.pem").write_text(write_pem(chain[1:]), encoding="ascii")


def _for_servers(place: Place) -> None:
    chain, key = _own(place, purpose=ExtendedKeyUsageOID.SERVER_AUTH)
    _logs_on(place, chain, key)


def _without_a_key(place: Place) -> None:
    _logs_on(place, (), None)


def _a_request_is_signed(place: Place) -> None:
    """Write a request of the PSE, have it signed by the authority, and take its answer."""
    request = place.folder / ".pse-preflight" / "SYS" / "request-by-hand.p10"
    pasted(place, f'{OPENGENPSE} gen_pse -p {place.pse} -x "" -onlyreq -r {request}')
    _its_request_is_signed(place)


def _its_request_is_signed(place: Place) -> None:
    """Have the request that was written signed by the authority, and take its answer, as the fix says."""
    (request,) = (place.folder / ".pse-preflight" / "SYS").glob("request-*.p10")
    answer, issuers = (place.folder / each for each in ("answer.pem", "issuers.pem"))
    asked = x509.load_pem_x509_csr(request.read_bytes())
    key = pse_file.read(place.pse.read_bytes()).private_key()
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.public_key() == asked.public_key()
    authority: Identity = vars(place)["clients"]
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    made = authority.issue(asked.subject, now() - timedelta(days=1), 800, [(purposes, False)], key=key)
    chain = [Certificate.of(each) for each in (made.certificate, *made.issuers)]
    answer.write_text(write_pem(chain[:1]), encoding="ascii")
    issuers.write_text(write_pem(chain[1:]), encoding="ascii")
    _import_with_issuers(place)


def _import_with_issuers(place: Place) -> None:
    files = f"-c {place.folder / 'answer.pem'} -r {place.folder / 'issuers.pem'}"
    pasted(place, f'{OPENGENPSE} import_own_cert {files} -p {place.pse} -x ""')


def _key_and_certificate_are_imported(place: Place) -> None:
    """Make the PSE of a .p12, and let it list the server's chain again."""
    chain, key = _own(place)
    store = serialization.pkcs12.serialize_key_and_certificates(
        b"client",
        key,
        chain[0].parsed,
        [each.parsed for each in chain[1:]],
        serialization.BestAvailableEncryption(b"secret"),
    )
    (place.folder / "client.p12").write_bytes(store)
    (place.folder / "chain.pem").write_text(write_pem(place.path[:0:-1]), encoding="ascii")
    place.pse.unlink()
    pasted(place, f'{OPENGENPSE} import_p12 -p {place.pse} -x "" -z secret {place.folder / "client.p12"}')
    pasted(place, f'{OPENGENPSE} maintain_pk -a {place.folder / "chain.pem"} -p {place.pse} -x ""')


# trust stores of Java


def _store_that_java_passes_over(place: Place) -> None:
    store = place.folder / "trust.p12"
    store.write_bytes(java_stores.plain_pkcs12([place.path[2]]))
    place.keys.pop("secudir")
    place.keys["truststore"] = str(store)


def _import_by_keytool(place: Place) -> None:
    store = place.folder / "trust.p12"
    store.unlink()
    pasted(
        place,
        f"{shutil.which('keytool')} -importcert -noprompt -alias company -file {place.roots}"
        f" -keystore {store} -storepass {java_stores.PASSWORD}",
    )


FIXES: Fixes = {
    (Code.CLIENT_INI_HOST_NOT_ALONE, ""): Fix(_ini(host="localhost/sap/bc/rfc"), _ini()),
    (Code.CLIENT_INI_USER_NOT_ALIAS, ""): Fix(both(_through_a_proxy, _logs_on_by("USER")), _logs_on_by("ALIAS_USER")),
    (Code.CRYPTO_LIBRARY_PATH_RELATIVE, ""): Fix(
        _library_named("libsapcrypto.so"), _library_named("{folder}/libsapcrypto.so")
    ),
    # a product's connections
    (Code.CONNECTIONS_UNREADABLE, ""): Fix(
        both(_connection(), _folder_of_the_product("elsewhere")), _folder_of_the_product("product")
    ),
    (Code.CONNECTION_HOST_NOT_ALONE, ""): Fix(_connection("https://localhost"), _connection()),
    (Code.CONNECTION_DIFFERS, "the product"): Fix(_connection(port=444), _connection()),
    (Code.CONNECTION_NOT_FOUND, ""): Fix(_connection("other.company.test"), _connection(), is_red=False),
    (Code.CONNECTION_NOT_UNDERSTOOD, ""): Fix(
        both(_connection(), _binary_connection), _without_the_binary_one, is_red=False
    ),
    (Code.CONNECTION_USER_NOT_ALIAS, ""): Fix(_user_is_alias(ticked=False), _user_is_alias(ticked=True)),
    # the certificate with which the client logs on
    (Code.CLIENT_CERTIFICATE_MISSING, "user and password"): Fix(_without_a_key, _ini()),
    (Code.CLIENT_CERTIFICATE_MISSING, "import_p12"): Fix(_without_a_key, _key_and_certificate_are_imported),
    (Code.CLIENT_CERTIFICATE_ENDED, ""): Fix(_issued(100, -200), _its_request_is_signed, pastes=True),
    (Code.CLIENT_CERTIFICATE_ENDS_SOON, ""): Fix(_issued(100, -97), _its_request_is_signed, pastes=True),
    (Code.CLIENT_CERTIFICATE_SELF_SIGNED, ""): Fix(_signed_by_itself, _its_request_is_signed, pastes=True),
    (Code.CLIENT_CERTIFICATE_INCOMPLETE, ""): Fix(_without_an_issuer, _import_with_issuers),
    (Code.CLIENT_CERTIFICATE_UNSUITABLE, ""): Fix(_for_servers, _a_request_is_signed),
    # a client with a trust store
    (Code.TRUST_STORE_ENTRIES_LEFT_OUT, ""): Fix(_store_that_java_passes_over, _import_by_keytool),
}
"""Every fix of the client's own settings and of its own certificate."""
