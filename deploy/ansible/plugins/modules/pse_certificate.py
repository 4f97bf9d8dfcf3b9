#!/usr/bin/python
# Copyright: The pse-preflight developers
# SPDX-License-Identifier: Apache-2.0

"""Add a certificate to a PSE's certificate list, or take it out."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pse_certificate
short_description: Add a certificate to an SAP PSE file, or take it out
version_added: 0.1.0
description:
  - Sees to it that a certificate stands in the certificate list of a PSE file, or does not.
  - A certificate is known by its SHA-256 fingerprint alone.
  - The PSE itself is never made and never deleted; it is replaced in one step, with its owner and rights kept, and the
    old file stays beside it as a backup.
options:
  path:
    description: The PSE file, as an absolute path. It must have no PIN.
    type: path
    required: true
  state:
    description: Whether the certificate is to stand in the list.
    type: str
    choices: [present, absent]
    default: present
  certificate:
    description:
      - The certificate in PEM. Exactly one.
      - Needed for O(state=present).
    type: str
  sha256:
    description:
      - The fingerprint of the certificate, in any usual spelling.
      - With O(state=present) the certificate must have it, so that a file that was exchanged is refused.
      - Needed for O(state=absent), unless O(certificate) is given. Where the PSE holds certificates by their signed
        part only, which have no fingerprint, O(certificate) is needed.
    type: str
attributes:
  check_mode:
    description: Can run in check mode and tell whether it would change the PSE, also where the PSE does not exist yet.
    support: full
  diff_mode:
    description: Shows the certificate list before and after.
    support: full
requirements:
  - pse-preflight, installed for the interpreter that the module runs with
author:
  - The pse-preflight developers (@pse-preflight)
seealso:
  - module: pse_preflight.trust.pse_info
"""

EXAMPLES = r"""
- name: Trust the root that SAP's hosts will have
  pse_preflight.trust.pse_certificate:
    path: /opt/client/sec/client.pse
    certificate: "{{ lookup('ansible.builtin.file', 'DigiCertGlobalRootG2.pem') }}"
    sha256: CB:3C:CB:B7:60:31:E5:E0:13:8F:8D:D3:9A:23:F9:DE:47:FF:C3:5E:43:C1:14:4C:EA:27:D4:6A:5A:B1:CB:5F

- name: Do not trust a root any more
  pse_preflight.trust.pse_certificate:
    path: /opt/client/sec/client.pse
    state: absent
    sha256: "{{ old_root_sha256 }}"
"""

RETURN = r"""
sha256:
  description: The fingerprint of the certificate.
  type: str
  returned: success
backup_file:
  description: The file as it was before; empty where nothing was changed.
  type: str
  returned: success
subjects:
  description: The subjects of the certificate list afterwards; in check mode as they would be.
  type: list
  elements: str
  returned: success
"""

import hashlib
import os
from datetime import datetime, timezone
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from pse_preflight.certificate_file import read_certificates
    from pse_preflight.errors import PreflightError
    from pse_preflight.pse import create
    from pse_preflight.pse import file as pse_file
except ImportError:
    HAS_PSE_PREFLIGHT = False
else:
    HAS_PSE_PREFLIGHT = True


DIGITS = 64
LARGEST_FILE = 16 << 20


class Misused(Exception):
    """The arguments make no sense, or the PSE cannot be changed."""


def plain(fingerprint):
    """Return a fingerprint as 64 hexadecimal digits in lower case."""
    digits = "".join(fingerprint.lower().removeprefix("sha256:").replace(":", "").split())
    if len(digits) != DIGITS or any(each not in "0123456789abcdef" for each in digits):
        raise Misused("sha256: a fingerprint has 64 hexadecimal digits")
    return digits


def wanted(params):
    """Return the certificate that is given, and the fingerprint that is meant."""
    certificate, fingerprint = None, plain(params["sha256"]) if params["sha256"] else None
    if params["certificate"]:
        found = read_certificates(params["certificate"].encode()).certificates
        if len(found) != 1:
            raise Misused(f"certificate: holds {len(found)} certificates; name exactly one")
        (certificate,) = found
    if certificate and fingerprint and certificate.sha256 != fingerprint:
        raise Misused(f"certificate: has the fingerprint {certificate.sha256}, and not the one that sha256 names")
    return certificate, fingerprint or certificate.sha256


def fingerprint_of(entry):
    """Return the fingerprint of an entry; none where the file holds the signed part of the certificate only."""
    return hashlib.sha256(entry.der).hexdigest() if entry.der else None


def changed(pse, state, certificate, fingerprint):
    """Return the PSE as it is to be; the same one where it is that already."""
    now = datetime.now(timezone.utc)
    if state == "present":
        return pse.with_trusted([certificate], now)
    unknown = sum(fingerprint_of(each) is None for each in pse.trusted)
    if unknown and certificate is None:
        raise Misused(
            f"the PSE holds {unknown} certificates by their signed part only, which have no fingerprint to compare;"
            " give `certificate`, too"
        )
    signed = certificate.parsed.tbs_certificate_bytes if certificate else None
    return pse.without_trusted(lambda each: fingerprint_of(each) == fingerprint or each.tbs == signed, now)


def lines(pse):
    """Return the certificate list as a text to compare."""
    return "".join(f"{fingerprint_of(each) or '-' * DIGITS} {each.subject}\n" for each in pse.trusted)


def ensure(path, state, certificate, fingerprint, check):
    """Bring the PSE into its state; return what it was and what it is."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        if check:
            subject = [certificate.subject] if certificate and state == "present" else []
            told = f"{fingerprint} {certificate.subject}\n" if subject else ""
            return "", told, subject, ""
        raise Misused(f"{path}: there is no PSE; `pse-preflight check` makes it from the verified chain") from None
    except OSError as error:
        raise Misused(f"{path}: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise Misused(f"{path}: is larger than any PSE")
    before = pse_file.read(content)
    after = changed(before, state, certificate, fingerprint)
    backup = ""
    if after is not before and not check:

        def change(copy):
            found = pse_file.read(copy.read_bytes())
            copy.write_bytes(changed(found, state, certificate, fingerprint).encode())

        backup = str(create.replace(Path(path), change).backup or "")
    return lines(before), lines(after), [each.subject for each in after.trusted], backup


def main():
    """Run as a module of Ansible."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "certificate": {"type": "str"},
            "sha256": {"type": "str"},
        },
        required_if=[("state", "present", ["certificate"])],
        required_one_of=[("certificate", "sha256")],
        supports_check_mode=True,
    )
    if not HAS_PSE_PREFLIGHT:
        module.fail_json(msg=missing_required_lib("pse-preflight"))
    path, state = module.params["path"], module.params["state"]
    if not os.path.isabs(path):
        module.fail_json(msg=f"path: {path} is not absolute")
    try:
        certificate, fingerprint = wanted(module.params)
        before, after, subjects, backup = ensure(path, state, certificate, fingerprint, module.check_mode)
    except (Misused, PreflightError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=before != after,
        sha256=fingerprint,
        subjects=subjects,
        backup_file=backup,
        diff={"before": before, "after": after, "before_header": path, "after_header": path},
    )


if __name__ == "__main__":
    main()
