#!/usr/bin/python
# Copyright: The pse-preflight developers
# SPDX-License-Identifier: Apache-2.0

"""Read a PSE file without changing it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pse_info
short_description: Read an SAP PSE file
version_added: 0.1.0
description:
  - Reads a PSE file of SAP's and returns its certificate list, whether it has a PIN, and whose it is.
  - Needs no software of SAP's, changes nothing, and returns no private key.
options:
  path:
    description: The PSE file, as an absolute path.
    type: path
    required: true
attributes:
  check_mode:
    description: Can run in check mode and return what it reads.
    support: full
  diff_mode:
    description: Has no differences to show.
    support: none
requirements:
  - pse-preflight, installed for the interpreter that the module runs with
author:
  - The pse-preflight developers (@pse-preflight)
seealso:
  - module: pse_preflight.trust.pse_certificate
"""

EXAMPLES = r"""
- name: Read the client PSE
  pse_preflight.trust.pse_info:
    path: /opt/client/sec/client.pse
  register: client_pse

- name: Say whom it trusts
  ansible.builtin.debug:
    msg: "{{ client_pse.certificates | map(attribute='subject') | list }}"
"""

RETURN = r"""
exists:
  description: Whether something stands at the path.
  type: bool
  returned: always
state:
  description: What stands there.
  type: str
  returned: always
  sample: readable
  choices: [missing, readable, pin, unreadable]
reason:
  description: Why it cannot be read; empty where it can.
  type: str
  returned: always
version:
  description: The version of the file's form.
  type: int
  returned: when it can be read
owner:
  description: The subject of the PSE's own certificate; empty where it has none.
  type: str
  returned: when it can be read
certificates:
  description: The certificate list, in the order of the file.
  type: list
  elements: dict
  returned: always
  contains:
    subject:
      description: The subject, as RFC 4514 writes it.
      type: str
    issuer:
      description: The issuer, as RFC 4514 writes it.
      type: str
    sha256:
      description: The fingerprint; empty where the file holds the signed part of the certificate only.
      type: str
    not_after:
      description: The end of validity, in UTC; empty where that is not known.
      type: str
"""

import hashlib
import os

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from pse_preflight.errors import PreflightError
    from pse_preflight.pse import file as pse_file
    from pse_preflight.pse.errors import PinNeeded
except ImportError:
    HAS_PSE_PREFLIGHT = False
else:
    HAS_PSE_PREFLIGHT = True

LARGEST_FILE = 16 << 20


def listed(pse):
    """Return the certificate list in plain values."""
    for entry in pse.trusted:
        certificate = entry.certificate
        yield {
            "subject": entry.subject,
            "issuer": certificate.issuer if certificate else "",
            "sha256": hashlib.sha256(entry.der).hexdigest() if entry.der else "",
            "not_after": certificate.not_after.isoformat() if certificate else "",
        }


def look(path):
    """Return what stands at a path."""
    nothing = {"exists": True, "reason": "", "certificates": []}
    try:
        with open(path, "rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return {**nothing, "exists": False, "state": "missing"}
    except OSError as error:
        return {**nothing, "state": "unreadable", "reason": error.strerror or type(error).__name__}
    if len(content) > LARGEST_FILE:
        return {**nothing, "state": "unreadable", "reason": "larger than any PSE"}
    try:
        pse = pse_file.read(content)
        certificates = list(listed(pse))
    except PinNeeded:
        return {**nothing, "state": "pin", "reason": "protected by a PIN"}
    except PreflightError as error:
        return {**nothing, "state": "unreadable", "reason": str(error)}
    owner = pse.owner.subject if pse.owner else ""
    return {**nothing, "state": "readable", "version": pse.version, "owner": owner, "certificates": certificates}


def main():
    """Run as a module of Ansible."""
    module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True)
    if not HAS_PSE_PREFLIGHT:
        module.fail_json(msg=missing_required_lib("pse-preflight"))
    path = module.params["path"]
    if not os.path.isabs(path):
        module.fail_json(msg=f"path: {path} is not absolute")
    module.exit_json(changed=False, **look(path))


if __name__ == "__main__":
    main()
