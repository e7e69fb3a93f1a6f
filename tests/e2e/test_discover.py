"""From an address to its provider's server, by a real resolver on the loopback (dnsmasq)."""

import json
import shutil
import socket
import subprocess

import pytest

from relay import PATIENCE, Network
from rogue import Rogue
from waiting import wait_for

ZONE = """
no-resolv
no-hosts
no-daemon
port=53
listen-address=127.0.0.1
bind-interfaces
address=/submit.test/127.0.0.1
address=/smtp.guess.test/127.0.0.1
host-record=submit.test,127.0.0.1
host-record=smtp.guess.test,127.0.0.1
srv-host=_submissions._tcp.srv.test,submit.test,465,0,1
srv-host=_submission._tcp.srv.test,submit.test,587,0,1
srv-host=_submission._tcp.starttls.test,submit.test,587,0,1
srv-host=_submissions._tcp.none.test,.,0,0,0
srv-host=_submissions._tcp.weights.test,second.test,465,20,5
srv-host=_submissions._tcp.weights.test,submit.test,465,10,5
address=/mail.odd.test/127.0.0.1
srv-host=_submissions._tcp.odd.test,mail.odd.test,2465,0,1
mx-host=mx.test,aspmx.l.google.com,1
mx-host=region.test,mx01.ionos.de,10
address=/smtp.ionos.de/127.0.0.1
local=/test/
"""


class Dns:
    """A network whose /etc/resolv.conf leads to a dnsmasq of ours."""

    def __init__(self, folder, certificates, zone=ZONE, answers=True):
        self.network = Network()
        self.resolv = folder / "resolv.conf"
        self.resolv.write_text("nameserver 127.0.0.1\n")
        self.nsswitch = folder / "nsswitch.conf"
        self.nsswitch.write_text("hosts: files dns\n")
        self.process = self.silent = None
        if answers:
            config = folder / "dnsmasq.conf"
            config.write_text(zone)
            self.process = self.network.run(
                subprocess.Popen, ["dnsmasq", f"--conf-file={config}", "--user=root", "--pid-file="], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)  # fmt: skip
            wait_for(lambda: self.network.run(can_connect), PATIENCE, "dnsmasq")
        else:
            self.silent = self.network.run(bind_silent)
        self.server = self.network.run(Rogue, certificates.server_context(), "implicit", None, None, "127.0.0.1", 465)

    def run(self, orsino, *words):
        mounts = f"mount --bind {self.resolv} /etc/resolv.conf; mount --bind {self.nsswitch} /etc/nsswitch.conf"
        script = f'mount --make-rprivate / 2>/dev/null; set -e; {mounts}; exec "$0" "$@"'
        return self.network.run(
            subprocess.run, ["unshare", "-m", "sh", "-c", script, orsino.path, *words], env=orsino.environment(PATH="/usr/bin:/bin:/usr/sbin:/sbin"),
            capture_output=True, timeout=60)  # fmt: skip

    def stop(self):
        self.server.stop()
        if self.process:
            self.process.kill()
            self.process.wait()
        if self.silent:
            self.silent.close()
        self.network.stop()


def can_connect():
    try:
        socket.create_connection(("127.0.0.1", 53), 1).close()
        return True
    except OSError:
        return False


def bind_silent():
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 53))
    return one


@pytest.fixture(scope="module")
def dns(certificates, tmp_path_factory):
    if not shutil.which("dnsmasq"):
        pytest.fail("dnsmasq is not there: run make deps")
    made = Dns(tmp_path_factory.mktemp("dns"), certificates)
    yield made
    made.stop()


# A domain: the host that is probed, and words of how it was found.
FOUND = [
    ("SRV, both", "srv.test", "submit.test", "_submissions._tcp.srv.test says so"),
    ("SRV, STARTTLS alone", "starttls.test", "submit.test", "_submission._tcp.starttls.test says so"),
    ("SRV by priority", "weights.test", "submit.test", "_submissions._tcp.weights.test says so"),
    ("an MX of a provider, in one of his regions", "region.test", "smtp.ionos.de", "goes to mx01.ionos.de, of IONOS"),
    ("a guess", "guess.test", "smtp.guess.test", "there is a host of this name"),
]


@pytest.mark.parametrize("domain, host, words", [row[1:] for row in FOUND], ids=[row[0] for row in FOUND])
def test_a_domain(domain, host, words, dns, orsino):
    done = dns.run(orsino, "probe", "--json", "--timeout", "2s", f"anna@{domain}")
    assert done.stderr == b""
    found = json.loads(done.stdout)
    assert found["host"] == host and words in found["found"]
    assert {report["port"]: report["state"] for report in found["ports"]} == {
        25: "refused", 465: "implicit TLS", 587: "refused", 2525: "refused"}  # fmt: skip


# Those of whom there is no server to be probed here: what is said, and the exit code.
NOT_FOUND = [
    ("an SRV of a dot", "none.test", "no server for submission is known by this domain", 68),
    ("no such domain", "nothing.test", "no server for submission is known by this domain", 68),
    ("an MX of a provider, whose server DNS does not know here", "mx.test", "smtp.gmail.com", 68),
    ("a domain of a provider", "gmail.com", "smtp.gmail.com", 68),
]


@pytest.mark.parametrize("domain, words, code", [row[1:] for row in NOT_FOUND], ids=[row[0] for row in NOT_FOUND])
def test_a_domain_without_a_server(domain, words, code, dns, orsino):
    done = dns.run(orsino, "probe", f"anna@{domain}")
    assert words in done.stderr.decode() and done.stderr.count(b"\n") == 1, done
    assert done.returncode in (code, 75), done


def test_a_provider_by_name(dns, orsino):
    done = dns.run(orsino, "probe", "gmail")
    assert b"orsino: smtp.gmail.com: " in done.stderr and b"host =" not in done.stderr
    done = dns.run(orsino, "probe", "gmial")
    assert b", did you mean gmail?" in done.stderr and done.returncode in (68, 75)


def test_the_region_of_an_mx_is_taken(dns, orsino, tmp_path):
    place = tmp_path / "orsino.ini"
    done = dns.run(orsino, "setup", "--non-interactive", "--no-check", "-C", str(place), "--provider", "ionos", "--password-file", "/dev/null",
                   "anna@region.test")  # fmt: skip
    assert done.returncode == 0 and "region =" not in place.read_text(), "what an option says is not guessed further"
    place.unlink()
    done = dns.run(orsino, "setup", "--non-interactive", "-C", str(place), "--password-file", "/dev/null", "anna@region.test")
    assert done.returncode != 0, "nobody is there whose certificate is good"
    assert "region = de\n" in place.read_text()
    done = dns.run(orsino, "probe", "--timeout", "2s", "anna@region.test")
    assert b"\nprovider = ionos\nregion = de\n" in done.stdout
    done = dns.run(orsino, "probe", "--json", "--timeout", "2s", "anna@region.test")
    use = json.loads(done.stdout)["use"]
    assert (use["provider"], use["region"], use["host"]) == ("ionos", "de", "smtp.ionos.de")


def test_a_setup_takes_the_port_of_an_srv(dns, orsino, tmp_path):
    """Though nobody is there, which the check that follows tells."""
    place = tmp_path / "orsino.ini"
    done = dns.run(orsino, "setup", "--non-interactive", "-C", str(place), "--user", "u", "--password-file", "/dev/null", "anna@odd.test")
    assert done.returncode != 0
    assert b"mail.odd.test: _submissions._tcp.odd.test says so in DNS.\n" in done.stdout
    assert "host = mail.odd.test\nport = 2465\ntls = implicit\n" in place.read_text()


def test_a_setup_follows_no_srv_to_another_domain(dns, orsino, tmp_path):
    """Who can forge DNS would be sent the password, and has a certificate for a name of his own. RFC 6186 section 6."""
    place = tmp_path / "orsino.ini"
    done = dns.run(orsino, "setup", "--non-interactive", "-C", str(place), "--user", "u", "--password-file", "/dev/null", "anna@srv.test")
    assert done.returncode == 64 and not place.exists()
    assert b"DNS names submit.test for srv.test, which lies in another domain: say --host submit.test if it is right" in done.stderr


def test_dns_is_silent(certificates, orsino, tmp_path):
    made = Dns(tmp_path, certificates, answers=False)
    try:
        done = made.run(orsino, "probe", "anna@silent.test")
    finally:
        made.stop()
    assert done.returncode == 75 and "DNS gives no answer" in done.stderr.decode(), done
