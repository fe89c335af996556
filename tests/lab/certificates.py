# SPDX-License-Identifier: Apache-2.0
"""Certificates of a test's own, made by the openssl command."""

import socket
import ssl
import subprocess
import time
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


class Authority:
    """One that signs certificates of clients; its own is in `certificate`."""

    def __init__(self, directory: Path, name: str):
        self._directory = directory
        self._name = name
        self._signed = 0
        directory.mkdir(exist_ok=True)
        self.certificate = directory / f"{name}.crt"
        self._key = directory / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", self._key, "-out", self.certificate, "-days", "30", "-subj",
                f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign")

    def sign(self, name: str, *alternatives: str, subject: str | None = None,
             ends_in: int | None = None, usage: str = "clientAuth") -> Pair:
        """A certificate for `name`, which is its DNS name unless `alternatives` (`DNS:…`,
        `email:…`) or `subject` (`/CN=…`, and then no other) say something else. `ends_in`: seconds
        from now."""
        self._signed += 1
        file = self._directory / f"{self._name}-{self._signed}"
        pair = Pair(file.with_suffix(".crt"), file.with_suffix(".key"))
        request, extensions = (pair.key.with_suffix(suffix) for suffix in (".csr", ".ext"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", pair.key, "-out", request, "-subj", subject or "/O=nobody")
        names = alternatives or (() if subject else (f"DNS:{name}",))
        lines = [f"extendedKeyUsage={usage}"]
        lines += [f"subjectAltName={','.join(names)}"] if names else []
        extensions.write_text("\n".join(lines) + "\n")
        if ends_in is None:
            times = ["-days", "9"]
        else:
            end = time.gmtime(time.time() + ends_in)
            times = ["-startdate", "20200101000000Z", "-enddate", time.strftime("%Y%m%d%H%M%SZ", end)]
        index = self._directory / f"{self._name}-index"
        index.touch()
        # `openssl x509` knows only whole days.
        settings = self._directory / "ca.conf"
        settings.write_text(f"[ca]\ndefault_ca=own\n[own]\ndatabase={index}\nnew_certs_dir="
                            f"{self._directory}\ndefault_md=sha256\npolicy=any\nrand_serial=yes\n"
                            "unique_subject=no\n"
                            "[any]\norganizationName=optional\ncommonName=optional\n")
        openssl("ca", "-batch", "-config", settings, "-notext", "-cert", self.certificate, "-keyfile",
                self._key, "-in", request, "-out", pair.certificate, "-extfile", extensions, *times)
        return pair


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=True)
