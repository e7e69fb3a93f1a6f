"""Plays tests/dialogues to the built program: the server's side of each, over real sockets and TLS.

The format is described in tests/dialogues/README. The same files are run over memory by tests/unit/test_dialogues.c.
"""

import re
import socket
import threading
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "dialogues"
ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t"}
PATIENCE = 20  # seconds, for a program that hangs


def unescape(text):
    """Text as bytes, with \\r \\n \\t \\\\ and \\xHH made bytes."""

    def byte(match):
        escape = match[1]
        return bytes.fromhex(escape[1:].decode()) if len(escape) == 3 else ESCAPES.get(escape, escape)

    return re.sub(rb"(?s)\\(x[0-9a-fA-F]{2}|.)", byte, text.encode())


def expand(text):
    """The same, with {text*count} for a text many times."""
    parts = re.split(r"\{([^}]*)\*(\d+)\}", text)
    result = unescape(parts[0])
    for repeated, count, rest in zip(parts[1::3], parts[2::3], parts[3::3]):
        result += unescape(repeated) * int(count) + unescape(rest)
    return result


class Transcript:
    def __init__(self, path):
        self.settings = {"tls": "implicit", "from": "sender@example.org", "message": "plain", "repeat": "1"}
        self.dialogue, self.results, recipients = [], [], []
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line or line.startswith("#"):
                continue
            word, _, text = re.match(r"([^:=]*)([:=]?)(.*)", line).groups()
            word, text = word.strip(), text[1:] if text.startswith(" ") else text
            if word in ("S", "C", "TLS", "CLOSE", "SILENCE"):
                self.dialogue.append((word, text))
            elif word == "to":
                recipients += [address.strip() for address in text.split(",")]
            elif word in ("exit", "error", "sent", "absent", "accepted", "refused", "first"):
                self.results.append((word, text))
            else:
                self.settings[word] = expand(text).decode()
        self.recipients = recipients or ["one@example.org"]

    def message(self):
        header, body = (FOLDER / "messages" / (self.settings["message"] + ".eml")).read_bytes().split(b"\n\n", 1)
        return header + b"\n\n" + body * int(self.settings["repeat"])

    def options(self):
        options = ["-i", "-f", self.settings["from"]]
        for key, option in {"notify": "-N", "ret": "-R", "envid": "-V"}.items():
            if key in self.settings:
                options += [option, self.settings[key]]
        return options + ["--", *self.recipients]

    def keys(self):
        """What the INI must say."""
        keys = {key: self.settings.get(key) for key in ("user", "password", "auth", "pipelining")}
        keys["hostname"] = "client.example.org"
        if ("SILENCE", "") in self.dialogue:
            keys["timeout"] = "1s"
        return keys


class Server(threading.Thread):
    """Says the S: lines, insists on the C: lines. What went wrong is in `error`."""

    def __init__(self, transcript, context):
        super().__init__(daemon=True)
        self.transcript, self.context = transcript, context
        self.listener = socket.create_server(("127.0.0.1", 0))
        # What is said in the middle of a long message must find its writer still at it.
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        self.port = self.listener.getsockname()[1]
        self.sent = self.left = b""
        self.error = None

    def run(self):
        try:
            self.listener.settimeout(PATIENCE)
            self.connection = self.listener.accept()[0]
            self.connection.settimeout(PATIENCE)
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.play()
        except Exception as error:  # told by the test itself
            self.error = error
        finally:
            self.connection.close()
            self.listener.close()

    def secure(self):
        assert not self.left, f"said in the clear before TLS: {self.left!r}"
        self.connection = self.context.wrap_socket(self.connection, server_side=True)

    def play(self):
        if self.transcript.settings["tls"] == "implicit":
            self.secure()
        said = b""  # lines in a row are one piece
        for word, text in self.transcript.dialogue:
            if word == "S":
                text = expand(text)
                said += text[:-1] if text.endswith(b"\\") else text + b"\r\n"
                continue
            self.speak(said)
            said = b""
            if word == "C":
                self.hear(text)
            elif word == "TLS":
                self.secure()
            elif word == "CLOSE":
                return
        self.speak(said)
        self.see_it_end()

    def speak(self, said):
        try:
            self.connection.sendall(said)
        except OSError:
            pass  # a client may hang up as soon as it heard enough

    def receive(self):
        piece = self.connection.recv(65536)
        if not piece:
            raise EOFError(f"the client hung up; it said {self.left!r} before")
        self.left += piece

    def hear(self, text):
        if text == "(message)":
            while not self.left.endswith(b"\r\n.\r\n"):
                self.receive()
            self.sent, self.left = self.left, b""
        elif text == "(part)":
            while len(self.left) < 1000:
                self.receive()
        else:
            self.hear_line(expand(text))

    def hear_line(self, want):
        while b"\r\n" not in self.left:
            self.receive()
        line, self.left = self.left.split(b"\r\n", 1)
        pattern = b".*".join(map(re.escape, want.split(b"*")))
        assert re.fullmatch(pattern, line), f"the client said {line!r}, not {want!r}"

    def see_it_end(self):
        """Nothing more may come but the rest of a message, without its dot."""
        whole = ("C", "(part)") not in self.transcript.dialogue
        try:
            while True:
                self.receive()
        except (EOFError, OSError):
            pass
        if self.transcript.settings.get("pieces") != "whole":
            assert not (whole and self.left), f"the client said more: {self.left!r}"
        assert not self.left.endswith(b"\r\n.\r\n"), "a message that was refused was ended"


def check(transcript, result, server):
    for word, text in transcript.results:
        if word == "exit":
            assert result.exit == int(text), result.err
            assert (result.err == "") == (result.exit == 0), result.err
        elif word == "error":
            assert text.lower() in result.err.lower(), result.err
        elif word == "sent":
            assert expand(text) in server.sent, server.sent
        elif word == "absent":
            assert expand(text) not in server.sent, server.sent
        elif word in ("accepted", "refused") and "recipients refused: " in result.err:
            assert (f"<{text.split()[0]}>" in result.err.split("recipients refused: ")[1]) == (word == "refused")
    assert result.out == b""


def transcripts():
    for path in sorted(FOLDER.glob("*.txt")):
        if not {"messages", "held"} & set(Transcript(path).settings):  # a command line sends one, and whole
            yield pytest.param(path, id=path.stem)


@pytest.mark.parametrize("path", transcripts())
def test_dialogue(path, orsino, ini, certificates):
    transcript = Transcript(path)
    server = Server(transcript, certificates.server_context())
    config = ini(server.port, transcript.settings["tls"], **transcript.keys())
    server.start()
    result = orsino.run(*transcript.options(), ini=config, message=transcript.message())
    server.join(PATIENCE)
    assert server.error is None, f"{server.error!r}; it said {result.err!r}"
    assert not server.is_alive()
    check(transcript, result, server)
