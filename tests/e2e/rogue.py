"""An SMTP server that follows a script, for what no real server does on request.

A script says what is answered at each step; a step without an answer of its own gets the usual one:

    Rogue(certificates.server_context(), tls="implicit", script={"RCPT": ["250 ok", "550 no"], "dot": CLOSE})

Steps: connect (bytes before TLS, or before the greeting), greeting, EHLO, HELO, STARTTLS, AUTH, AUTH2 and AUTH3 (the
answers to a login's further lines), MAIL, RCPT, DATA, body (in the middle of the message), dot, RSET, QUIT. An answer
is text (CRLF is added), bytes (sent as they are), a number (of seconds to wait), CLOSE, RESET or SILENCE, or a tuple of
these; a list is used up one by one, its last member stays. Everything that came is kept in the sessions.
"""

import base64
import re
import socket
import ssl
import struct
import threading
import time

from waiting import wait_for

CLOSE = object()  # hang up
RESET = object()  # hang up with a TCP reset
SILENCE = object()  # never answer again

KEYWORDS = ["PIPELINING", "SIZE 40000000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN"]

USUAL = {
    "greeting": "220 rogue.example.org ESMTP",
    "HELO": "250 rogue.example.org",
    "STARTTLS": "220 2.0.0 go ahead",
    "MAIL": "250 2.1.0 sender ok",
    "RCPT": "250 2.1.5 recipient ok",
    "DATA": "354 end with <CRLF>.<CRLF>",
    "dot": "250 2.0.0 Ok: queued as R0GUE",
    "RSET": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
}


class HungUp(Exception):
    """The script or the client ended the connection."""


class Transaction:
    """One message that got to its dot."""

    def __init__(self, command, recipients, message):
        self.command = command  # MAIL
        self.recipients = recipients  # the lines of those who were accepted
        self.text = re.sub(rb"(?m)^\.", b"", message)  # dots unstuffed
        self.answer = None  # to the dot

    @property
    def accepted(self):
        first = self.answer[0] if isinstance(self.answer, tuple) else self.answer
        return isinstance(first, str) and first.startswith("250")


class Session:
    """What came over one connection."""

    def __init__(self):
        self.lines = []  # commands and login lines, as text
        self.clear_lines = []  # those of them that came without TLS
        self.clear = b""  # all that came without TLS
        self.reads = []  # each piece as the socket gave it
        self.message = None  # the last, as it went over the wire, dots stuffed, without the final dot
        self.transactions = []  # of all messages
        self.partial = b""  # of a message that did not get to its dot
        self.tls = None  # (suite, version) in use
        self.server_name = None  # SNI
        self.tls_error = None

    @property
    def verbs(self):
        """The words that began each command: "EHLO AUTH MAIL RCPT DATA . QUIT"."""
        return " ".join(line.split(" ")[0].split(":")[0] for line in self.lines)

    def command(self, verb):
        """The only line that begins with this verb."""
        (line,) = [line for line in self.lines if line.startswith(verb)]
        return line

    @property
    def recipients(self):
        return [re.match(r"RCPT TO:<(.*?)>( |$)", line)[1] for line in self.lines if line.startswith("RCPT")]

    @property
    def login(self):
        """User and password of an AUTH PLAIN."""
        return tuple(base64.b64decode(self.command("AUTH PLAIN").split(" ")[2]).split(b"\0")[1:])

    @property
    def text(self):
        """The message with its dots unstuffed."""
        return re.sub(rb"(?m)^\.", b"", self.message)

    @property
    def header(self):
        return self.text.partition(b"\r\n\r\n")[0] + b"\r\n"

    @property
    def body(self):
        return self.text.partition(b"\r\n\r\n")[2]

    def field(self, name):
        """The unfolded value of the only header field of this name."""
        (value,) = self.fields(name)
        return value

    def fields(self, name):
        pattern = rb"(?mi)^" + name.encode() + rb":[ \t]*((?:.*\r\n)(?:[ \t].*\r\n)*)"
        return [re.sub(r"\r\n(?=[ \t])", "", v.decode("utf-8", "replace")).rstrip() for v in re.findall(pattern, self.header)]


class Rogue:
    def __init__(self, context=None, tls="implicit", script=None, keywords=None, address="127.0.0.1", port=0):
        self.context, self.tls = context, tls
        self.script = {step: list(a) if isinstance(a, list) else [a] for step, a in (script or {}).items()}
        self.keywords = KEYWORDS if keywords is None else keywords
        self.sessions = []
        self._connections, self._threads = [], []
        self._accepting = threading.Lock()  # so that a session is seen with its thread
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, port), family=family)
        self.address, self.port = address, self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def session(self):
        """The only session, once it is over."""
        self.wait()
        (session,) = self.sessions
        return session

    def wait(self, seconds=10):
        """Until a client came, and all that came have gone, so that what they sent has been read."""
        wait_for(lambda: self.sessions, seconds, "a connection to the rogue server")
        with self._accepting:
            threads = list(self._threads)
        for thread in threads:
            thread.join(seconds)
            assert not thread.is_alive(), "a client of the rogue server did not go away"

    def stop(self):
        if self._listener.fileno() < 0:
            return
        # shutdown() wakes accept(), which close() alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            connection.close()
        self._acceptor.join(10)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            # Replies that are said one after the other must not wait for each other.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session()
            thread = threading.Thread(target=self._serve, args=(connection, session), daemon=True)
            with self._accepting:
                self._connections.append(connection)
                self.sessions.append(session)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection, session):
        dialogue = _Dialogue(self, connection, session)
        try:
            dialogue.run()
        except (HungUp, OSError) as error:
            if isinstance(error, ssl.SSLError):
                session.tls_error = str(error)
        finally:
            dialogue.socket.close()

    def next_answer(self, step, usual=None):
        answers = self.script.get(step)
        if not answers:
            return USUAL.get(step, usual)
        return answers.pop(0) if len(answers) > 1 else answers[0]


class _Dialogue:
    def __init__(self, server, connection, session):
        self.server, self.socket, self.session = server, connection, session
        self.buffer = b""
        self.command, self.accepted = None, []  # the transaction under way

    def run(self):
        if "connect" in self.server.script:
            self._answer("connect")
        if self.server.tls == "implicit":
            self._start_tls()
        self._answer("greeting")
        while True:
            line = self._read_line()
            verb = line.split(" ")[0].split(":")[0].upper()
            getattr(self, f"_{verb.lower()}", self._simple)(verb, line)
            if verb == "QUIT":
                return

    def _simple(self, verb, line):
        self._answer(verb, "500 5.5.1 unknown command")

    def _ehlo(self, verb, line):
        words = list(self.server.keywords)
        if self.server.tls == "starttls" and not self.session.tls:
            # Before TLS there is STARTTLS, and what is said of logins must not count.
            words = ["STARTTLS"] + [w for w in words if not w.startswith("AUTH")]
        lines = ["rogue.example.org"] + words
        self._answer(verb, "\r\n".join(f"250{'-' if w is not lines[-1] else ' '}{w}" for w in lines))

    def _starttls(self, verb, line):
        self._answer(verb)
        if self.last_answer.startswith(b"220"):
            self._start_tls()

    def _auth(self, verb, line):
        words = line.split(" ")
        if "AUTH" in self.server.script:
            self._answer("AUTH")
        elif words[1] == "LOGIN":
            self._answer("AUTH", "334 VXNlcm5hbWU6")
        else:
            self._answer("AUTH", "235 2.7.0 welcome" if len(words) > 2 else "334 ")
        for step in ("AUTH2", "AUTH3"):
            if not self.last_answer.startswith(b"334"):
                return
            self._read_line()
            last = step == "AUTH3" or words[1] == "PLAIN"
            self._answer(step, "235 2.7.0 welcome" if last else "334 UGFzc3dvcmQ6")

    def _mail(self, verb, line):
        self.command, self.accepted = line, []
        self._answer(verb)

    def _rcpt(self, verb, line):
        self._answer_recipient(line)
        if self.last_answer.startswith(b"25"):
            self.accepted.append(line)

    def _answer_recipient(self, line):
        answers = self.server.script.get("RCPT", [None])
        by_name = answers[0] if isinstance(answers[0], dict) else {}
        for name, answer in by_name.items():
            if f"<{name}" in line:
                self._send_answer(answer)
                return
        if by_name:
            self._send_answer(USUAL["RCPT"])
        else:
            self._answer("RCPT")

    def _data(self, verb, line):
        self._answer("DATA")
        if not self.last_answer.startswith(b"354"):
            return
        if "body" in self.server.script:
            self.session.partial = self._read_at_least(4096)
            self._answer("body")
        self.session.message = self._read_message()
        self.session.lines.append(".")
        transaction = Transaction(self.command, self.accepted, self.session.message)
        self.session.transactions.append(transaction)
        # It is known before it is said: the client may act on it at once.
        transaction.answer = self.server.next_answer("dot")
        self._send_answer(transaction.answer)

    def _answer(self, step, usual=None):
        self._send_answer(self.server.next_answer(step, usual))

    def _send_answer(self, answer):
        for part in answer if isinstance(answer, tuple) else (answer,):
            if part is SILENCE:
                self._swallow()
            if part is RESET:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if part in (CLOSE, RESET):
                raise HungUp
            if isinstance(part, (int, float)):
                time.sleep(part)
                continue
            self.last_answer = part if isinstance(part, bytes) else part.encode() + b"\r\n"
            self.socket.sendall(self.last_answer)

    def _start_tls(self):
        self.server.context.sni_callback = lambda _socket, name, _context: setattr(self.session, "server_name", name)
        self.socket = self.server.context.wrap_socket(self.socket, server_side=True)
        cipher = self.socket.cipher()  # None when the client has gone already
        self.session.tls = cipher and cipher[:2]
        self.buffer = b""

    def _receive(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise HungUp
        self.session.reads.append(piece)
        if not self.session.tls:
            self.session.clear += piece
        self.buffer += piece

    def _swallow(self):
        while True:
            self._receive()

    def _read_line(self):
        while b"\n" not in self.buffer:
            self._receive()
        line, _, self.buffer = self.buffer.partition(b"\n")
        text = line.removesuffix(b"\r").decode("utf-8", "replace")
        self.session.lines.append(text)
        if not self.session.tls:
            self.session.clear_lines.append(text)
        return text

    def _read_at_least(self, size):
        while len(self.buffer) < size:
            self._receive()
        return self.buffer

    def _read_message(self):
        end = b"\r\n.\r\n"
        self.buffer = b"\r\n" + self.buffer
        searched = 0
        while (at := self.buffer.find(end, searched)) < 0:
            searched = max(0, len(self.buffer) - len(end))
            try:
                self._receive()
            except (HungUp, OSError):
                self.session.partial = self.buffer[2:]
                raise
        message, self.buffer = self.buffer[2 : at + 2], self.buffer[at + len(end) :]
        return message
