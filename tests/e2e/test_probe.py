"""orsino probe: what it finds at each port, in the table, as JSON, and as lines for an INI."""

import json
import os
import pty
import re
import signal
import ssl
import socket
import subprocess

import pytest

from conftest import table, write_private
from rogue import CLOSE, SILENCE
from waiting import wait_for

NOT_TLS = b"\x05\x00\r\n"


class Probe:
    """Runs it as an administrator does, with an INI that names the test's CA."""

    def __init__(self, orsino, certificates, folder):
        self.orsino = orsino
        self.config = write_private(folder / "probe.ini", f"[a]\nhost = localhost\nfrom = a@b.it\nca_file = {certificates.ca_file}\n")

    def __call__(self, *words, host="localhost", config=True, **more):
        options = ["-C", str(self.config)] if config else []
        return self.orsino.run("probe", *options, *words, host, name="orsino", message=b"", **more)

    def json(self, *ports, **more):
        """What it says of each port, by its number; then the way to use."""
        done = self("--json", "--timeout", "4s", *(f"--port={port}" for port in ports), **more)
        assert done.err == ""
        found = json.loads(done.out)
        return {report["port"]: report for report in found["ports"]}, found["use"], done.exit


@pytest.fixture
def probe(orsino, certificates, tmp_path):
    return Probe(orsino, certificates, tmp_path)


# A server; the state, and words of the error or the answer.
STATES = [
    ("implicit TLS", {"tls": "implicit"}, "implicit TLS", ""),
    ("STARTTLS", {"tls": "starttls"}, "STARTTLS", ""),
    ("plain", {}, "plain", "does not offer STARTTLS"),
    ("STARTTLS refused", {"tls": "starttls", "script": {"STARTTLS": "454 4.7.0 not now"}}, "STARTTLS fails", "454 4.7.0 not now"),
    ("STARTTLS, then no TLS", {"tls": "starttls", "script": {"STARTTLS": ("220 go", "500 what?", CLOSE)}}, "STARTTLS fails", ""),
    ("a refusal", {"script": {"greeting": "554 5.7.1 not you"}}, "refuses us", "554 5.7.1 not you"),
    ("EHLO refused", {"script": {"EHLO": "550 5.7.1 not you"}}, "refuses us", "550 5.7.1 not you"),
    ("within TLS a refusal", {"tls": "implicit", "script": {"greeting": "554 5.7.1 not you"}}, "refuses us", "554 5.7.1 not you"),
    ("SSH", {"script": {"greeting": "SSH-2.0-OpenSSH_9.2"}}, "no mail server", "SSH-2.0-OpenSSH_9.2"),
    ("the web within TLS", {"tls": "implicit", "script": {"greeting": "HTTP/1.1 400 Bad Request"}}, "no mail server", "HTTP/1.1 400"),
    ("silence", {"script": {"greeting": SILENCE}}, "silent", ""),
    ("a server that hangs up", {"script": {"greeting": CLOSE}}, "silent", ""),
]  # fmt: skip


@table("server, state, words", STATES)
def test_a_state(server, state, words, rogue, probe):
    port = rogue(**server).port
    reports, use, code = probe.json(port)
    report = reports[port]
    assert report["state"] == state, report
    assert words in (report["error"] or "") + (report["said"] or "")
    works = state in ("implicit TLS", "STARTTLS")
    assert (code == 0, use is not None) == (works, works)
    if works:
        assert report["tls"].startswith("TLSv1.2/") and report["certificate"]["trusted"]
        assert use["port"] == port and use["tls"] == ("implicit" if state == "implicit TLS" else "starttls")
        assert report["login"] == ["PLAIN", "LOGIN"] and report["size"] == 40000000 and "8BITMIME" in report["keywords"]
        assert report["certificate"]["days_left"] in (29, 30) and "Orsino Test Authority" in report["certificate"]["ca"]
    assert report["microseconds"] is not None


def test_nobody_listens(probe):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        reports, use, code = probe.json(port)
    assert (reports[port]["state"], use, code) == ("refused", None, 75)


def test_a_port_that_is_filtered(probe):
    """As full a queue as a firewall that drops."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = listener.getsockname()[1]
    waiting = []
    for _ in range(2):
        waiting.append(socket.socket())
        waiting[-1].setblocking(False)
        waiting[-1].connect_ex(("127.0.0.1", port))
    done = probe("--json", "--timeout", "1s", "--port", str(port))
    assert json.loads(done.out)["ports"][0]["state"] == "no answer" and done.exit == 75
    for one in (*waiting, listener):
        one.close()


BAD = [("expired", "expired on"), ("not-yet", "not valid before"), ("wrong-name", "mail.elsewhere.example"),
       ("self-signed", "self-signed"), ("untrusted", "Some Stranger")]  # fmt: skip


@pytest.mark.parametrize("certificate, words", BAD, ids=[row[0] for row in BAD])
def test_a_certificate_that_is_not_trusted(certificate, words, rogue, probe, orsino, ini):
    """The probe goes on all the same, and the fingerprint that it gives is the one that an INI takes."""
    server = rogue(tls="implicit", certificate=certificate)
    reports, use, code = probe.json(server.port)
    report = reports[server.port]
    assert report["state"] == "implicit TLS" and report["login"] == ["PLAIN", "LOGIN"] and code == 77
    assert not report["certificate"]["trusted"] and words in report["certificate"]["error"]
    config = ini(server.port, "implicit", fingerprint=report["certificate"]["fingerprint"], ca_file=None)
    orsino.run("bob@example.org", ini=config).succeeded()


def test_no_password_and_no_mail(rogue, probe):
    """A probe says EHLO, STARTTLS and QUIT."""
    for tls in ("implicit", "starttls", "none"):
        server = rogue(tls=tls)
        probe.json(server.port)
        server.wait()
        said = {line.split()[0] for session in server.sessions for line in session.lines}
        assert said <= {"EHLO", "STARTTLS", "QUIT"} and len(server.sessions) <= 2, said


def test_ports_are_asked_side_by_side(rogue, probe):
    """Each waits for the silence of all others, which is over when a probe of one is."""
    servers = [rogue(script={"greeting": SILENCE}) for _ in range(4)]
    process = subprocess.Popen(
        ["orsino", "probe", "--json", "--timeout", "20s", *(f"--port={server.port}" for server in servers), "localhost"],
        executable=probe.orsino.path, env=probe.orsino.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True)  # fmt: skip
    wait_for(lambda: all(server.sessions for server in servers), 10, "all ports to be asked while none has answered")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


@pytest.mark.parametrize("form", ["localhost:{}", "smtps://localhost:{}/", "127.0.0.1:{}"])
def test_a_server_as_people_write_it(form, rogue, orsino):
    server = rogue(tls="implicit")
    done = orsino.run("probe", "--json", form.format(server.port), name="orsino", message=b"")
    assert [(one["port"], one["state"]) for one in json.loads(done.out)["ports"]] == [(server.port, "implicit TLS")]


def test_a_provider_with_a_port_of_his_own(orsino):
    done = orsino.run("probe", "--json", "--timeout", "2s", "proton-bridge", name="orsino", message=b"")
    assert [one["port"] for one in json.loads(done.out)["ports"]] == [25, 465, 587, 1025, 2525]


def test_logins_before_tls_are_told(rogue, probe):
    """EHLO is answered twice: with logins before TLS, and with others after."""
    answers = ["250-mx\r\n250-STARTTLS\r\n250 AUTH CRAM-MD5", "250-mx\r\n250 AUTH PLAIN"]
    server = rogue({"EHLO": answers * 2}, tls="starttls")
    reports, _, _ = probe.json(server.port)
    assert (reports[server.port]["login_before_tls"], reports[server.port]["login"]) == (["CRAM-MD5"], ["PLAIN"])
    server = rogue({"EHLO": answers}, tls="starttls")
    assert "; it offers logins in the clear, too: CRAM-MD5\n" in probe("--port", str(server.port)).out.decode()


def test_tls_and_then_silence(rogue, probe):
    done = probe("--timeout", "2s", "--port", str(rogue({"greeting": SILENCE}, tls="implicit").port))
    assert "TLS from the first byte, but no greeting follows" in done.out.decode() and done.exit == 75


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_that_is_too_old(rogue, probe, certificates):
    """It decides, and not the port where nobody is."""
    context = certificates.server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    server = rogue(tls="implicit", context=context)
    done = probe("--port", f"{server.port},1")
    assert done.exit == 76 and "Its TLS is too old to be used: whoever runs the server has to allow TLS 1.2" in done.out.decode()


def test_a_server_that_refuses_us(rogue, probe):
    done = probe("--port", f"{rogue({'greeting': '554 go away'}).port},1")
    assert done.exit == 69 and "The server is there, and refuses this machine" in done.out.decode()


def test_nobody_is_left_behind(rogue, probe):
    """Ctrl-C ends all of it."""
    server = rogue(script={"greeting": SILENCE})
    process = subprocess.Popen(
        ["orsino", "probe", "--timeout", "60s", "--port", str(server.port), "localhost"], executable=probe.orsino.path,
        env=probe.orsino.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # fmt: skip
    wait_for(lambda: server.sessions, 10, "a child")
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(10) == -signal.SIGINT
    server.wait()


def test_the_words_for_people(rogue, probe):
    """Without a terminal there is no colour in it."""
    implicit, plain = rogue(tls="implicit"), rogue()
    done = probe("--port", f"{implicit.port},{plain.port}")
    text = done.out.decode()
    assert done.exit == 0 and "\033" not in text
    assert re.search(rf"(?m)^ *{implicit.port}  implicit TLS +1\.2 +valid (29|30) days +PLAIN LOGIN +38M +\d+\.\d ms$", text), text
    assert re.search(rf"(?m)^ *{plain.port}  SMTP without TLS or STARTTLS", text), text
    assert f"Of these ports {implicit.port} is the best, with implicit TLS.\n" in text
    assert text.endswith(f"In the INI:\n\nhost = localhost\ntls = implicit\nport = {implicit.port}\nuser = ...\npassword = ...\n")
    assert all(len(line) <= 80 for line in text.partition("\n\n")[2].partition("\n\n")[0].splitlines())


@table("variables, has_colour", [("a terminal", {}, True), ("NO_COLOR", {"NO_COLOR": "1"}, False), ("NO_COLOR, empty", {"NO_COLOR": ""}, True),
    ("a terminal that can do nothing", {"TERM": "dumb"}, False)])
def test_colour(variables, has_colour, rogue, probe):
    server = rogue(tls="implicit")
    ours, theirs = pty.openpty()
    subprocess.run(["orsino", "probe", "-C", str(probe.config), "--port", str(server.port), "localhost"], executable=probe.orsino.path,
                   env=probe.orsino.environment(**variables), stdout=theirs, stderr=theirs, timeout=60)  # fmt: skip
    os.close(theirs)
    text = b""
    try:
        while piece := os.read(ours, 65536):
            text += piece
    except OSError:
        pass
    os.close(ours)
    assert (b"\033[32mimplicit TLS" in text) == has_colour and b"implicit TLS" in text


def test_what_a_server_says_cannot_talk_to_the_terminal(rogue, probe):
    port = rogue(script={"greeting": b"220 \x1b[31mred\x07\r\n"}).port
    done = probe("--port", str(port))
    assert b"\x1b" not in done.out and b"\x07" not in done.out
    assert b"\x1b" not in probe("--port", str(port), "--json").out


@table("words, code, said", [
    ("no host", ["--port", "1"], 64, "one host or address"),
    ("two hosts", ["a", "b"], 64, "one host or address"),
    ("no such option", ["--prot", "1", "a"], 64, "no option --prot"),
    ("no number", ["--port", "smtp", "a"], 64, "--port takes numbers"),
    ("port 0", ["--port", "0", "a"], 64, "--port takes numbers"),
    ("no argument", ["a", "--port"], 64, "--port needs an argument"),
    ("no time", ["--timeout", "soon", "a"], 64, "--timeout takes a time"),
    ("too many ports", ["--port", ",".join(map(str, range(1, 18))), "a"], 64, "16 ports at most"),
    ("no INI", ["-C", "/nonexistent", "a"], 78, "/nonexistent"),
    ("a port that is none", ["localhost:abc"], 64, "without port or ://"),
    ("a number that no port has", ["localhost:70000"], 64, "port takes a number from 1 to 65535"),
    ("no domain", ["me@"], 64, "no domain stands behind the @"),
    ("no host can be called so", ["a b"], 68, "no host can have this name"),
])  # fmt: skip
def test_a_line_for_what_is_wrong(words, code, said, orsino):
    done = orsino.run("probe", *words, name="orsino", message=b"")
    assert said in done.failed(code, "orsino: ")


def test_help(orsino):
    done = orsino.run("probe", "--help", name="orsino", message=b"")
    assert (done.exit, done.err) == (0, "") and done.out.startswith(b"usage: orsino probe ")
