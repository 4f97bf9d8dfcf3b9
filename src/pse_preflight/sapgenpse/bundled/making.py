"""The commands that make a PSE: with a key of its own, or to verify others only."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pse_preflight.certificate import Certificate
from pse_preflight.pse import file, name
from pse_preflight.sapgenpse.bundled.arguments import Options, pasted, refuse_a_name
from pse_preflight.sapgenpse.bundled.opening import (
    PIN,
    SALT_BYTES,
    certificates,
    open_pse,
    path_of,
    refuse_existing,
    write_new,
)
from pse_preflight.sapgenpse.bundled.output_files import hand_out
from pse_preflight.sapgenpse.bundled.world import Misused, Refused, World

_EXPONENT = 65537
_USUAL_BITS = 2048
_MOST_BITS = 8192
_SERIAL_BYTES = 16
_END = datetime(2038, 1, 1, 0, 0, 1, tzinfo=UTC)
"""Where SAP's tool lets its own certificates end."""
_HASHES: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def make_rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """Make a new private key of the given size."""
    return rsa.generate_private_key(_EXPONENT, bits)


def gen_pse(options: Options, world: World) -> None:
    """Make a PSE with a key of its own and a certificate that is signed with it."""
    if "-onlyreq" in options.switches:
        _hand_out_request(options, world)
        return
    wanted = _Wanted.read(options)
    pse = path_of(options, world)
    refuse_existing(pse)
    say = world.say if "-v" in options.switches else _say_nothing
    say(f'Got absolute PSE path "{pse}".')
    pin = new_pin(options, world)
    owner_name = _owner_name(options, world)
    say("", f'Supplied distinguished name: "{name.text(owner_name)}"', "Creating PSE with format v2 (default)")
    key = world.make_key(wanted.bits)
    say(f"Generating key (RSA, {wanted.bits}-bits) ... succeeded.")
    owner = _own_certificate(owner_name, key, wanted, world)
    say("certificate creation... ok")
    write_new(pse, file.new(owner, key, time=world.now(), salt=world.random(SALT_BYTES)).encode(pin))
    say("PSE update... ok", "PKRoot... ok")
    if "-noreq" not in options.switches:
        hand_out(_request(owner_name, key, wanted), options.last("-r"), world)
        say("Generating certificate request... ok.")


def _hand_out_request(options: Options, world: World) -> None:
    """Make a certificate request for the key and the name of a PSE that is there; the PSE stays as it is."""
    if options.words:
        raise Misused("-onlyreq takes the distinguished name of the PSE, and no other")
    wanted, opened = _Wanted.read(options), open_pse(options, world)
    key = opened.file.private_key()
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Refused("the PSE has no RSA key of its own")
    hand_out(_request(opened.owner.parsed.subject, key, wanted), options.last("-r"), world)


def gen_verify_pse(options: Options, world: World) -> None:
    """Make a PSE without a key, which can only verify others."""
    pse = path_of(options, world)
    refuse_existing(pse)
    pin = new_pin(options, world)
    trusted = certificates(options.all("-a"), world)
    made = file.new(None, None, trusted, time=world.now(), salt=world.random(SALT_BYTES))
    write_new(pse, made.encode(pin))


def new_pin(options: Options, world: World) -> str | None:
    """Return the PIN of a new PSE, or nothing where it is to have none."""
    given = options.last("-x")
    if not options.words:
        refuse_a_name("-x", given)
    return (world.ask_new_secret(PIN, "PINs", "-x") if given is None else given) or None


def _say_nothing(*_: str) -> None:
    """Keep silent without -v."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the new key and certificate are to be like."""

    bits: int
    algorithm: hashes.SHA256 | hashes.SHA384 | hashes.SHA512
    dns_names: tuple[str, ...]
    addresses: tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]

    @classmethod
    def read(cls, options: Options) -> "_Wanted":
        """Read -a, -s and -k."""
        bits, algorithm = _algorithm(options.last("-a") or "RSA")
        alternatives = [_alternative(text) for text in options.all("-k")]
        return cls(
            _size(options.last("-s") or bits),
            algorithm,
            tuple(each for each in alternatives if isinstance(each, str)),
            tuple(each for each in alternatives if not isinstance(each, str)),
        )


def _algorithm(text: str) -> tuple[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512]:
    """Read `sha256WithRsaEncryption`, `RSA` or `RSA:4096:SHA512`; how a PSE holds other keys is not known."""
    kind, _, rest = text.lower().partition(":")
    if kind.endswith("withrsaencryption"):
        kind, rest = "rsa", f"{_USUAL_BITS}:{kind.removesuffix('withrsaencryption')}"
    bits, _, digest = rest.partition(":")
    if kind != "rsa":
        raise Refused(f"algorithm {text} is not supported, only RSA is (how a PSE holds other keys is not published)")
    if (digest or "sha256") not in _HASHES:
        raise Refused(f"algorithm {text} is not supported, only SHA256, SHA384 and SHA512 are")
    return bits or str(_USUAL_BITS), _HASHES[digest or "sha256"]


def _size(text: str) -> int:
    bits = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_BITS)) else 0
    if not _USUAL_BITS <= bits <= _MOST_BITS:
        raise Refused(f"key size {text} is not supported, {_USUAL_BITS} to {_MOST_BITS} bits are")
    return bits


def _alternative(text: str) -> str | ipaddress.IPv4Address | ipaddress.IPv6Address:
    kind, _, value = text.partition(":")
    if kind == "GN-dNSName" and value.isascii() and value:
        return value
    try:
        if kind == "GN-iPAddress":
            return ipaddress.ip_address(value)
    except ValueError:
        pass
    raise Refused(f'alternative name "{text}" is neither GN-dNSName:<host> nor GN-iPAddress:<address>')


def _owner_name(options: Options, world: World) -> x509.Name:
    text = pasted(options.words) or name.as_pasted(world.ask("get_pse: Distinguished name of PSE owner: "))
    try:
        return name.ordered(name.parse(text))
    except name.NameUnreadable as error:
        raise Refused(f"Invalid distinguished name ({error})") from error


def _own_certificate(owner: x509.Name, key: rsa.RSAPrivateKey, wanted: _Wanted, world: World) -> Certificate:
    start = world.now()
    return file.self_signed_owner(
        owner,
        key,
        start=start,
        end=max(_END, start + timedelta(days=1)),
        serial_number=int.from_bytes(world.random(_SERIAL_BYTES)) or 1,
        dns_names=wanted.dns_names,
        addresses=wanted.addresses,
        algorithm=wanted.algorithm,
    )


def _request(owner: x509.Name, key: rsa.RSAPrivateKey, wanted: _Wanted) -> str:
    """Return a certificate request (PKCS#10) as PEM."""
    builder = x509.CertificateSigningRequestBuilder(owner)
    names = [*map(x509.DNSName, wanted.dns_names), *map(x509.IPAddress, wanted.addresses)]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, wanted.algorithm).public_bytes(Encoding.PEM).decode("ascii")
