"""Certificates for the test servers: one good authority, and all the ways a certificate can be bad."""

import datetime
import ipaddress
import ssl

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

GOOD_NAMES = ["localhost", "127.0.0.1", "::1"]


class Certificates:
    """PEM files in a folder: ca.pem, which the INIs trust, and NAME.pem with chain and key for a server."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = trustme.CA(organization_name="Orsino Test Authority")
        self.ca_file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(str(self.ca_file))
        now = datetime.datetime.utcnow()
        day = datetime.timedelta(days=1)
        self._write("good", *self._issue(GOOD_NAMES, now - day, now + 30 * day))
        self._write("expired", *self._issue(GOOD_NAMES, now - 30 * day, now - day))
        self._write("not-yet", *self._issue(GOOD_NAMES, now + 30 * day, now + 60 * day))
        self._write("wrong-name", *self._issue(["mail.elsewhere.example"], now - day, now + 30 * day))
        self._write("self-signed", *self._issue(GOOD_NAMES, now - day, now + 30 * day, self_signed=True))
        self.ca = trustme.CA(organization_name="Some Stranger")
        self._write("untrusted", *self._issue(GOOD_NAMES, now - day, now + 30 * day))

    def server_file(self, name):
        return str(self.folder / f"{name}.pem")

    def server_context(self, name="good"):
        """A TLS context for a server that shows this certificate; TLS 1.2 is what orsino speaks."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_file(name))
        return context

    def client_context(self):
        return ssl.create_default_context(cafile=str(self.ca_file))

    def _issue(self, names, begins, ends, self_signed=False):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test server {names[0]}")])
        issuer = subject if self_signed else x509.load_pem_x509_certificate(self.ca.cert_pem.bytes()).subject
        signer = key if self_signed else serialization.load_pem_private_key(self.ca.private_key_pem.bytes(), None)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), begins, ends)
        builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), False)
        return builder.add_extension(usage, False).sign(signer, hashes.SHA256()), key

    def _write(self, name, certificate, key):
        # The key first: Postfix wants it so.
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ) + certificate.public_bytes(serialization.Encoding.PEM)
        path = self.folder / f"{name}.pem"
        path.touch(0o600)  # as the relay insists
        path.write_bytes(pem)


def _general_name(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
