"""Plays tests/dialogues/server to the built program: the client's side of each, over pipes, TCP and TLS.

The format is described in tests/dialogues/server/README. The same files are run over memory by tests/unit/test_server.c.
What the transcripts have the driver answer is answered by the provider here.
"""

import quopri
import re
import subprocess
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from relay import call
from rogue import Rogue
from test_dialogues import expand

FOLDER = Path(__file__).parents[1] / "dialogues" / "server"
WORDS = ("S", "C", "TLS", "CLOSE", "SILENCE", "STOP")
RESULTS = ("message", "content", "options", "protocol", "user", "events")
OTHER_MACHINE = "10.9.8.7"

# Which ways a case is left out of, and why; "only = memory" says it of itself.
PIPE, TCP, TLS = WAYS = ("pipe", "tcp", "tls")
NO_TLS_BEFORE = {PIPE: "a pipe has no TLS", TLS: "TLS runs already"}
LEFT_OUT_FOR_A_SETTING = {
    ("secured", "yes"): {PIPE: "a pipe has no TLS", TCP: "it is secured from the first byte"},
    ("starttls", "yes"): NO_TLS_BEFORE,
    ("login", "yes"): {PIPE: "a program of this machine needs no login",
                       TCP: "no login is offered to other machines before TLS"},
    ("login", "offered"): {PIPE: "no login is offered over a pipe"},
    ("max-message", "100"): dict.fromkeys(WAYS, "the INI takes 1k or more"),
}  # fmt: skip
LEFT_OUT = {
    "order-sender-refused": dict.fromkeys(WAYS, "the provider is asked about the sender with the first recipient"),
    "provider-replies": dict.fromkeys(WAYS, "after the 421 of a real provider nobody else is taken"),
    "command-unknown": {TLS: "STARTTLS is known there"},
    "line-unterminated": {TLS: "the end of the connection is no end of TLS, and nothing is said after it"},
}


class Transcript:
    def __init__(self, path):
        self.settings = {"secured": "no", "starttls": "no", "login": "no"}
        self.refused, self.dialogue, self.messages = [], [], []
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                self.take(*re.match(r"([^:=]*)([:=]?) ?(.*)", line).groups())

    def take(self, word, _, text):
        word = word.strip()
        if word in WORDS:
            self.dialogue.append((word, text))
        elif word == "message":
            self.messages.append({word: text})
        elif word in ("content", "options", "protocol"):
            self.messages[-1][word] = text
        elif word in RESULTS:
            pass  # what the machine asked for is seen over memory
        elif word.startswith("refuse"):
            self.refused.append((word, text))
        else:
            self.settings[word] = text

    def reason(self, stem, way):
        """Why it cannot be played this way, or None."""
        if self.settings.get("only") == "memory":
            return "only = memory"
        rows = [LEFT_OUT.get(stem, {})]
        rows += [row for setting, row in LEFT_OUT_FOR_A_SETTING.items() if setting in self.settings.items()]
        return next((row[way] for row in rows if way in row), None)

    def script(self):
        """What the provider must answer."""
        script = {}
        for word, text in self.refused:
            what, _, answer = text.partition(" ")
            if word == "refuse-recipient":
                script.setdefault("RCPT", {})[what] = answer
            elif word == "refuse-message":
                script["dot"] = text
        return script

    def crypt_line(self):
        user, _, password = self.settings["accept-login"].partition(" ")
        made = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password, capture_output=True, text=True, check=True)
        return f"{user}:{made.stdout}"


class Player:
    """Says the C: lines, insists on the S: lines."""

    def __init__(self, transcript, client, context):
        self.transcript, self.client, self.context = transcript, client, context
        self.over = False

    def play(self):
        spoken = b""
        for word, text in self.transcript.dialogue + [("END", "")]:
            if word == "C":
                text = expand(text)
                spoken += text[:-1] if text.endswith(b"\\") else text + b"\r\n"
                continue
            if spoken:
                self.speak(spoken)
            spoken = b""
            self.take(word, text)

    def take(self, word, text):
        if word == "S" and text == "(closes)":
            self.client.is_over()
            self.over = True
        elif word == "S":
            # There is always a limit, that of the INI.
            self.hear(expand("250-SIZE *" if text == "250-SIZE" else text).decode())
        elif word == "TLS":
            self.client.secure(self.context)
        elif word == "CLOSE":
            self.client.half_close()
        elif word == "END" and not self.over:
            self.end()

    def end(self):
        if self.transcript.dialogue[-1][0] != "CLOSE" and ("CLOSE", "") not in self.transcript.dialogue:
            self.client.half_close()
        self.client.is_over()

    def speak(self, spoken):
        assert self.client.left == b"", "the server says more"
        try:
            self.client.write(spoken)
        except OSError:
            pass  # a server may hang up as soon as it heard enough; what it said is there

    def hear(self, want):
        line = self.client.line()
        matches = line.startswith(want[:-1]) if want.endswith("*") else line == want
        assert matches, f"the server says {line!r}, not {want!r}"


def readable(text):
    """Without the encodings that a message gets which is not fit for the way."""
    header, _, body = text.partition(b"\r\n\r\n")
    if b"Content-Transfer-Encoding: quoted-printable" in header:
        body = quopri.decodestring(body)
    fields = re.sub(rb"\r\n(?=[ \t])", b"", header).split(b"\r\n")
    return [str(make_header(decode_header(field.decode()))) for field in fields], body


def check_content(want, text):
    """Repairs add header fields, and the end of the last line; nothing of what was said may be missing."""
    fields, body = readable(text)
    header, empty, rest = want.partition(b"\r\n\r\n") if re.match(rb"\w+: ", want) else (b"", b"", want)
    wanted = rest if empty or not header else b""
    assert body == wanted + (b"" if wanted.endswith(b"\r\n") or not wanted else b"\r\n")
    for field in header.decode().splitlines():
        assert field in fields


def options_of(transaction):
    """In the words of the transcripts, without the size and the 8 bit, which are orsino's own to know."""
    bits = {"NEVER": 1, "SUCCESS": 2, "FAILURE": 4, "DELAY": 8}
    words = [word.partition("=")[::2] for word in transaction.command.split(" ")[2:]]
    said = [f"{key.lower()}={value.lower() if key == 'RET' else value}" for key, value in words if key in ("RET", "ENVID")]
    for line in transaction.recipients:
        for key, value in (word.partition("=")[::2] for word in line.split("> ", 1)[-1].split(" ") if "=" in word):
            value = sum(bits[name] for name in value.split(",")) if key == "NOTIFY" else value
            said.append(f"{key.lower()}={value}")
    return said


def check_message(want, transaction, way):
    sender, _, recipients = expand(want["message"]).decode().partition(" to ")
    sender = sender if "@" in sender else sender.strip("<>") and "info@example.it"  # the account's, for a bare name
    assert transaction.command.startswith(f"MAIL FROM:<{sender}>")
    complete = [name if "@" in name else f"{name}@example.it" for name in recipients.split(",")]
    named = [re.match(r"RCPT TO:<(.*)>( |$)", line)[1] for line in transaction.recipients]
    assert named == list(dict.fromkeys(complete))
    if "content" in want:
        check_content(expand(want["content"]), transaction.text)
    if "options" in want:
        wanted = expand(want["options"]).decode()
        assert options_of(transaction) == [word for word in wanted.split() if not re.match("size=|8bit|utf8", word)]
        assert ("SMTPUTF8" in transaction.command) == ("utf8" in wanted.split())
    if "protocol" in want:
        # RFC 3848: an S behind the P when it came over TLS, but for the SMTP of HELO.
        protocol = re.sub("(?<=[E8])SMTP(?!S)", "SMTPS", want["protocol"]) if way == TLS else want["protocol"]
        assert re.search(rb"(?s)\AReceived: .* with " + protocol.encode() + rb"\s", transaction.text), protocol


class Stage:
    """Who plays with whom, on which way."""

    def __init__(self, transcript, way, certificates, folder):
        self.transcript, self.way, self.certificates, self.folder = transcript, way, certificates, folder
        self.login = transcript.settings["login"]
        self.is_far = self.login in ("yes", "yes tls", "offered tls")  # the client is on another machine

    def keys(self):
        keys = {"hostname": "relay.example.org"}
        if self.way != PIPE:
            keys["listen"] = (f"{OTHER_MACHINE}:0" if self.is_far else "0") + ("/tls" if self.way == TLS else "")
        if self.way == TLS or self.is_far or self.transcript.settings["starttls"] == "yes":
            keys["listen_cert"] = self.certificates.server_file("good")
        if self.login != "no":
            keys["listen_users"] = self.folder / "users"
            keys["listen_users"].write_text(self.transcript.crypt_line())
        if self.login == "offered tls":
            keys["listen_allow"] = OTHER_MACHINE
        return keys

    def connect(self, port, relay, talk, run):
        if self.way == PIPE:
            return talk(port, **self.keys())
        server = relay(port, run=run, **self.keys())
        where = OTHER_MACHINE if self.is_far else "127.0.0.1"
        return run(server.connect, where, tls=self.certificates.client_context() if self.way == TLS else None)


def cases():
    for path in sorted(FOLDER.glob("*.txt")):
        for way in WAYS:
            reason = Transcript(path).reason(path.stem, way)
            if not reason:
                yield pytest.param(path, way, id=f"{path.stem}-{way}")


def test_what_is_left_out_is_there_and_enough_is_left():
    stems = {path.stem for path in FOLDER.glob("*.txt")}
    assert set(LEFT_OUT) <= stems
    for way in WAYS:
        assert sum(case.values[1] == way for case in cases()) >= 60


@pytest.mark.parametrize("path, way", cases())
def test_server_dialogue(path, way, request, certificates, relay, talk, tmp_path):
    transcript = Transcript(path)
    stage = Stage(transcript, way, certificates, tmp_path)
    run = request.getfixturevalue("network").run if stage.is_far else call
    server = run(Rogue, None, "none", transcript.script())
    try:
        client = stage.connect(server.port, relay, talk, run)
        Player(transcript, client, certificates.client_context()).play()
        client.close()
        if server.sessions:
            server.wait()
    finally:
        server.stop()
    sent = [transaction for session in server.sessions for transaction in session.transactions if transaction.accepted]
    assert len(sent) == len(transcript.messages)
    for want, transaction in zip(transcript.messages, sent):
        check_message(want, transaction, way)
