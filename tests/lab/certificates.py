# SPDX-License-Identifier: Apache-2.0
"""Certificates of a test's own, made by the openssl command."""

import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Pair:
    """A self-signed certificate for loopback and its key, in files."""

    certificate: Path
    key: Path

    def put(self, other: "Pair"):
        """Takes the place of the files of `other`, one after the other."""
        for mine, theirs in ((self.certificate, other.certificate), (self.key, other.key)):
            fresh = theirs.with_suffix(".fresh")
            fresh.touch(mode=0o600)
            fresh.write_bytes(mine.read_bytes())
            fresh.rename(theirs)

    def trusted(self, **options) -> ssl.SSLContext:
        """A client's context that trusts this certificate alone."""
        context = ssl.create_default_context(cafile=self.certificate)
        for name, value in options.items():
            setattr(context, name, value)
        return context

    def der(self) -> bytes:
        """The server's own, without its chain."""
        end = "-----END CERTIFICATE-----\n"
        return ssl.PEM_cert_to_DER_cert(self.certificate.read_text().split(end)[0] + end)


def make_pair(directory: Path, name: str, kind: str = "ec", ended: bool = False,
              password: str | None = None) -> Pair:
    """`kind`: ec, rsa, or weak (a key that nobody takes). `ended`: a day ago."""
    pair = Pair(directory / f"{name}.crt", directory / f"{name}.key")
    pair.key.touch(mode=0o600)
    new = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "rsa": ["rsa:2048"],
           "weak": ["rsa:1024"]}[kind]
    secret = ["-passout", f"pass:{password}"] if password else ["-nodes"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", *new, *secret, "-keyout", pair.key,
                    "-out", pair.certificate, "-days", "30", "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   stdin=subprocess.DEVNULL, capture_output=True, check=True)
    if ended:
        subprocess.run(["openssl", "x509", "-in", pair.certificate, "-signkey", pair.key, "-days",
                        "-1", "-out", pair.certificate], capture_output=True, check=True)
    return pair


def served(port: int) -> bytes:
    """The certificate that a new connection is shown, in DER; not verified."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            return secured.getpeercert(binary_form=True)
