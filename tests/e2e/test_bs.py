"""`sendmail -bs`: SMTP over stdin and stdout, as Symfony Mailer, inetd and others speak it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from conftest import table
from relay import CONTENT, MAIL, RCPT, Client, Pipes, bodies, field, header, transactions
from waiting import wait_for

OTHER_RCPT = "RCPT TO:<carl@example.org>"


def test_rule_41_greets_at_once_and_answers_each_line(talk, rogue):
    server = rogue()
    client = talk(server.port)
    client.expect("220 client.example.it ESMTP")
    client.expect("250 client.example.it", "HELO [127.0.0.1]")
    said = client.expect("250-client.example.it\n", "EHLO [127.0.0.1]").split("\n")
    words = {line[4:].split(" ")[0] for line in said[1:]}
    assert words == {"PIPELINING", "SIZE", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES", "CHUNKING", "SMTPUTF8"}
    client.expect("250 2.0.0", "NOOP")
    client.expect("252 2.", "VRFY bob")
    client.expect("214 2.", "HELP")
    client.expect("250 2.0.0", "RSET")
    client.quit()
    client.ended()
    assert server.sessions == []


def test_rule_41_the_id_is_where_symfony_looks_for_it(talk, rogue):
    server = rogue()
    client = talk(server.port)
    client.greet()
    answers = [client.send(), client.send()]
    client.quit()
    client.ended()
    ids = [re.fullmatch(r"250 Ok: queued as ([A-Z0-9]+)", answer)[1] for answer in answers]
    assert ids[0] != ids[1]
    assert [re.search(r" id (\w+);", header(one))[1] for one in transactions(server)] == ids


@table(["words"], [
    ("as Symfony", ("-bs",)),
    ("an option after", ("-bs", "-i")),
    ("an option before", ("-i", "-bs")),
    ("a sender, which MAIL says again", ("-bs", "-f", "somebody@example.it")),
    ("with -t", ("-t", "-bs")),
])  # fmt: skip
def test_rule_41_options_that_change_nothing(words, talk, rogue):
    server = rogue()
    client = talk(server.port, words)
    client.greet()
    assert client.send().startswith("250 Ok: queued as ")
    client.quit()
    client.ended()
    (one,) = transactions(server)
    assert one.command.startswith("MAIL FROM:<info@example.it>")
    assert one.text.endswith(b"\r\n\r\nhello\r\n")


def test_rule_41_one_dot_is_unstuffed_and_the_session_outlives_errors(talk, rogue):
    server = rogue({"RCPT": {"nobody@example.org": "550 5.1.1 no such user"}})
    client = talk(server.port)
    client.greet()
    client.expect("500 5.5.2", "MALE FROM:<info@example.it>")
    client.expect("503 5.5.1", RCPT)
    client.expect("250 ", MAIL)
    client.expect("550 5.1.1 no such user", "RCPT TO:<nobody@example.org>")
    client.expect("250 ", RCPT)
    client.expect("354 ", "DATA")
    client.write(b"\r\n..\r\n...\r\n.a\r\n.\r\n")
    client.expect("250 Ok: queued as ")
    client.ended()
    assert bodies(server) == [b".\r\n..\r\na\r\n"]


def test_rule_42_not_a_word_on_stderr(orsino, rogue, ini):
    """Nobody reads it: a pipe that is full already would stop us at the first word."""
    full, end = os.pipe()
    os.set_blocking(end, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(end, b"x" * 65536)
    os.set_blocking(end, True)
    server = rogue({"RCPT": {"nobody": "550 5.1.1 no such user"}, "dot": ["554 5.6.0 no", "250 2.0.0 ok"]})
    process = subprocess.Popen(
        ["sendmail", "-C", str(ini(server.port)), "-bs"], executable=orsino.path, env=orsino.environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=end,
    )  # fmt: skip
    client = Client(Pipes(process))
    client.greet()
    client.expect("500 ", "NONSENSE")
    client.expect("250 ", MAIL)
    client.expect("550 ", "RCPT TO:<nobody@example.org>")
    client.expect("250 ", "RSET")
    assert client.send() == "554 5.6.0 no"
    assert client.send().startswith("250 Ok: queued as ")
    client.quit()
    client.close()
    assert process.wait(20) == 0
    os.close(full)
    os.close(end)


STEPS = [
    ("at once", []),
    ("after EHLO", [b"EHLO client.example.org\r\n"]),
    ("after MAIL", [MAIL.encode() + b"\r\n"]),
    ("after RCPT", [RCPT.encode() + b"\r\n"]),
    ("after DATA", [b"DATA\r\n"]),
    ("in the message", [b"Subject: x\r\n\r\nhello\r\n"]),
    ("behind the dot", [b"."]),
    ("in the middle of the dot's line", [b"\r"]),
]


@table(["count"], [(name, count + 1) for count, (name, _) in enumerate(STEPS)])
@pytest.mark.parametrize("how", ["closes", "is killed"])
def test_a_client_that_goes_away_has_sent_nothing(count, how, talk, rogue):
    server = rogue()
    client = talk(server.port)
    client.expect("220 ")
    for _, lines in STEPS[:count]:
        for line in lines:
            client.write(line)
            if not line.startswith((b"Subject", b".", b"\r")):
                client.reply()
    if how == "closes":
        client.ended()
    else:
        client.close()  # nobody reads, either
        assert client.process.wait(20) == 0
        assert client.process.stderr.read() == b""
    if count >= 4:
        assert transactions(server) == []
    else:
        assert server.sessions == []


def test_a_client_that_does_not_wait_for_the_last_answer(talk, rogue):
    server = rogue()
    client = talk(server.port)
    client.greet()
    client.begin()
    client.write(CONTENT + b".\r\n")
    client.close()
    assert client.process.wait(20) == 0
    assert bodies(server) == [b"hello\r\n"]


def test_eof_without_quit_is_no_error(talk, rogue):
    server = rogue()
    client = talk(server.port)
    client.greet()
    assert client.send().startswith("250 ")
    client.ended()
    assert server.session.verbs == "EHLO MAIL RCPT DATA . QUIT"


def test_lines_that_end_in_lf_alone(orsino, rogue, ini):
    """As echo pipes them. A session that begins so is told, and ends."""
    server = rogue()
    done = orsino.run("-bs", ini=ini(server.port), message=b"EHLO x\nMAIL FROM:<a@example.org>\nQUIT\n")
    assert (done.exit, done.err) == (0, "")
    assert re.fullmatch(rb"220 .*\r\n500 5\.5\.2 .*\r\n", done.out), done.out
    assert server.sessions == []


def test_all_at_once_from_a_pipe(orsino, rogue, ini):
    server = rogue()
    lines = ["EHLO x", MAIL, RCPT, "DATA", "Subject: x", "", "hello", ".", "QUIT"]
    done = orsino.run("-bs", ini=ini(server.port), message="".join(line + "\r\n" for line in lines).encode())
    assert (done.exit, done.err) == (0, "")
    codes = re.findall(rb"(?m)^(\d{3}) ", done.out)
    assert codes == [b"220", b"250", b"250", b"250", b"354", b"250", b"221"]
    assert bodies(server) == [b"hello\r\n"]


def test_a_message_is_repaired_as_one_of_the_command_line(talk, rogue):
    server = rogue()
    client = talk(server.port)
    client.greet()
    client.send(content=b"To: Bob <bob@example.org>\r\nBcc: carl@example.org\r\nReturn-Path: <x@example.org>\r\nbcc:\r\n"
                        b" dora@example.org\r\nSubject: x\r\n\r\nhello\r\n")  # fmt: skip
    client.ended()
    (one,) = transactions(server)
    assert "bcc" not in header(one).lower() and "dora" not in header(one) and "Return-Path" not in header(one)
    assert re.search(r"[+-]\d{4}$", field(one, "Date"))
    assert re.fullmatch(r"<[^@<>]+@example\.it>", field(one, "Message-ID"))
    assert "<info@example.it>" in field(one, "From")
    assert field(one, "To") == "Bob <bob@example.org>"
    received = field(one, "Received")
    assert re.match(r"(?s)from client\.example\.org \(local\)\s+by client\.example\.it \(orsino\) with ESMTP id \w+;", received)
    assert header(one).startswith("Received: ")
    # Only who was named in the dialogue gets it.
    assert one.recipients == [RCPT]


def test_what_is_there_stays(talk, rogue):
    server = rogue()
    fields = ["Date: Mon, 1 Jan 2024 10:00:00 +0100", "Message-Id: <1@example.it>", "From: Info <info@example.it>",
              "To: bob@example.org"]  # fmt: skip
    client = talk(server.port)
    client.greet()
    client.send(content="".join(f"{line}\r\n" for line in fields).encode() + b"\r\nhello\r\n")
    client.ended()
    (one,) = transactions(server)
    assert header(one).split("\r\n")[-5:-1] == fields


def large_body():
    """5 MB of lines of which some begin with a dot, one is a dot alone, and some are empty."""
    lines = [b"%07d %s" % (number, b"x" * (number % 70)) for number in range(100_000)]
    lines[10], lines[20], lines[30] = b".", b"..", b""
    return b"\r\n".join(lines) + b"\r\n"


def test_a_large_message_by_data(talk, rogue):
    server = rogue()
    body = large_body()
    client = talk(server.port)
    client.greet()
    client.begin()
    client.write(b"Subject: x\r\n\r\n" + re.sub(rb"(?m)^\.", b"..", body) + b".\r\n")
    client.expect("250 Ok")
    client.ended()
    assert len(body) > 4_000_000
    assert bodies(server) == [body]


def test_a_large_message_by_bdat(talk, rogue):
    server = rogue()
    content = b"Subject: x\r\n\r\n" + large_body()
    client = talk(server.port)
    client.greet()
    client.expect("250 ", MAIL)
    client.expect("250 ", RCPT)
    step = 999_983  # chunks end anywhere, also between CR and LF
    for begin in range(0, len(content), step):
        chunk = content[begin : begin + step]
        last = begin + step >= len(content)
        client.write(b"BDAT %d%s\r\n" % (len(chunk), b" LAST" if last else b"") + chunk)
        client.expect("250 Ok" if last else "250 2.0.0")
    client.ended()
    assert bodies(server) == [large_body()]


def test_a_message_that_is_larger_than_may_be(talk, rogue):
    server = rogue()
    client = talk(server.port, max_message="2k")
    assert "250-SIZE 2048\n" in client.greet()
    client.expect("552 5.3.4", MAIL + " SIZE=2049")
    assert client.send(content=b"Subject: x\r\n\r\n" + b"x" * 900 + b"\r\n" + b"y" * 900 + b"\r\n").startswith("250 ")
    assert client.send(content=b"Subject: x\r\n\r\n" + (b"x" * 900 + b"\r\n") * 3).startswith("552 5.3.4")
    assert client.send().startswith("250 ")
    client.ended()
    assert len(transactions(server)) == 2


def test_eight_bit_and_utf8_are_passed_on(talk, rogue):
    server = rogue()
    client = talk(server.port)
    client.greet()
    header = "Subject: caffè\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit"
    text = header + "\r\n\r\nperché\r\n"
    sender = "MAIL FROM:<andré@example.it> BODY=8BITMIME SMTPUTF8"
    client.send(sender, "RCPT TO:<caffè@exämple.org>", content=text.encode())
    client.ended()
    (one,) = transactions(server)
    words = one.command.split(" ")
    assert words[1] == "FROM:<andré@example.it>" and {"BODY=8BITMIME", "SMTPUTF8"} < set(words)
    assert one.recipients == ["RCPT TO:<caffè@exämple.org>"]
    assert one.text.endswith("\r\n\r\nperché\r\n".encode())


def test_utf8_where_the_provider_has_none(talk, rogue):
    server = rogue(keywords=["PIPELINING", "8BITMIME"])
    client = talk(server.port)
    client.greet()
    client.expect("250 ", MAIL + " SMTPUTF8")
    client.expect("55", "RCPT TO:<caffè@example.org>")
    client.ended()
    assert transactions(server) == []


def test_notices_are_passed_on(talk, rogue):
    server = rogue()
    client = talk(server.port)
    client.greet()
    client.send(MAIL + " RET=HDRS ENVID=QQ+2B314", RCPT + " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bob@example.org",
                OTHER_RCPT + " NOTIFY=NEVER")  # fmt: skip
    client.send()
    client.ended()
    first, second = transactions(server)
    assert {"RET=HDRS", "ENVID=QQ+2B314"} < set(first.command.split(" "))
    assert first.recipients == [RCPT + " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bob@example.org", OTHER_RCPT + " NOTIFY=NEVER"]
    assert "RET" not in second.command and second.recipients == [RCPT]


@table("make, words", [
    ("a file that is not there", lambda path: None, "no such file"),
    ("a mistake", lambda path: path.write_text("[orsino]\nno_such_key = 1\n"), "no_such_key"),
    ("no account", lambda path: path.write_text("[orsino]\nlog = none\n"), "host is missing"),
])  # fmt: skip
def test_a_configuration_that_cannot_be_used(make, words, talk, tmp_path):
    """A caller that speaks SMTP hears of it in SMTP."""
    path = tmp_path / "broken.ini"
    make(path)
    client = talk(config=path)
    client.greet()
    said = client.ask(MAIL)
    if said.startswith("250"):
        said = client.ask(RCPT)
    assert re.match(r"451 4\.3\.\d ", said) and words in said.lower(), said
    client.expect("250 ", "RSET")
    client.quit()
    client.ended()


def test_a_configuration_that_may_not_be_read(orsino, ini, open_folder):
    if os.getuid() != 0:
        pytest.skip("needs root to become somebody else")
    config = shutil.copy(ini(25), open_folder)
    os.chmod(config, 0o400)
    done = orsino.run("-bs", ini=config, message=f"HELO x\r\n{MAIL}\r\n{RCPT}\r\nQUIT\r\n".encode(), user=65534, group=65534)
    assert (done.exit, done.err) == (0, "")
    assert re.search(rb"\r\n451 4\.3\.\d .* may not be read .*\r\n", done.out), done.out


def test_names_of_the_machine(talk, rogue, tmp_path):
    """A name that stands for several is taken when one of them is: a refusal would have all of them tried again."""
    server = rogue({"RCPT": {"carl": "550 5.1.1 no such user", "dora": "550 5.1.1 no such user"}})
    aliases = tmp_path / "aliases"
    aliases.write_text("team: bob@example.org, carl@example.org\ngone: carl@example.org, dora@example.org\nrun: |/bin/true\n")
    client = talk(server.port, aliases=aliases, local="admin@example.org")
    client.greet()
    client.expect("250 ", MAIL)
    client.expect("250 2.1.5", "RCPT TO:<team>")
    client.expect("550 5.1.1 no such user", "RCPT TO:<gone>")
    client.expect("451 4.3.5", "RCPT TO:<run>")
    client.expect("250 2.1.5", RCPT)
    client.expect("250 2.1.5", "RCPT TO:<root>")
    client.expect("354 ", "DATA")
    client.write(CONTENT + b".\r\n")
    client.expect("250 Ok")
    client.ended()
    (one,) = transactions(server)
    assert one.recipients == [RCPT, "RCPT TO:<admin@example.org>"]
    assert sum("<bob@" in line for line in server.sessions[0].lines) == 1


def test_a_sender_that_may_not_be_chosen(talk, rogue):
    server = rogue()
    client = talk(server.port, allow_from="@example.com")
    client.greet()
    for sender in ("boss@example.it", "anna@example.com"):
        client.send(f"MAIL FROM:<{sender}>", content=f"From: {sender}\r\n\r\nhello\r\n".encode())
    client.ended()
    first, second = transactions(server)
    assert first.command.startswith("MAIL FROM:<info@example.it>") and "<info@example.it>" in field(first, "From")
    assert second.command.startswith("MAIL FROM:<anna@example.com>") and field(second, "From") == "anna@example.com"


@table(["redirections"], [
    ("nothing to read", "</dev/null"),
    ("stdin is closed", "<&-"),
    ("stdout is full", "</dev/null >/dev/full"),
    ("stdout is closed", "</dev/null >&-"),
    ("all is closed", "<&- >&- 2>&-"),
    ("stdin is a folder", "</"),
])  # fmt: skip
def test_odd_descriptors(redirections, orsino, ini):
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" sendmail -C "$1" -bs {redirections}', orsino.path, str(ini(25))], env=orsino.environment(),
        capture_output=True, timeout=20,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout in (b"", b"220 client.example.it ESMTP orsino\r\n")


def test_two_accounts_are_two_connections(talk, rogue, ini):
    first, second = rogue(), rogue()
    config = ini(first.port, aliases="/nonexistent", account="test")
    other = f"[other]\nhost = localhost\nport = {second.port}\ntls = none\nfrom = other@example.com\nmatch = @example.com\n"
    config.write_text(config.read_text() + other)
    client = talk(config=config)
    client.greet()
    for sender in (MAIL, "MAIL FROM:<other@example.com>", MAIL):
        assert client.send(sender).startswith("250 ")
    client.ended()
    assert [one.command.split(" ")[1] for one in transactions(first)] == ["FROM:<info@example.it>"] * 2
    assert [one.command.split(" ")[1] for one in transactions(second)] == ["FROM:<other@example.com>"]


def test_a_socket_for_stdin_and_stdout(orsino, rogue, ini):
    """As inetd, and node's child processes, hand it down."""
    server = rogue()
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    process = subprocess.Popen(
        ["sendmail", "-C", str(ini(server.port)), "-bs"], executable=orsino.path, env=orsino.environment(), stdin=theirs,
        stdout=theirs, stderr=subprocess.PIPE,
    )  # fmt: skip
    theirs.close()
    client = Client(ours)
    client.greet()
    assert client.send().startswith("250 ")
    client.quit()
    client.close()
    assert process.wait(20) == 0
    assert process.stderr.read() == b""
    process.stderr.close()
    assert bodies(server) == [b"hello\r\n"]


def test_signals_of_the_terminal_do_not_lose_an_answer(talk, rogue):
    """Killed before the answer, nothing was promised; what was answered has arrived."""
    server = rogue()
    client = talk(server.port)
    client.greet()
    assert client.send().startswith("250 ")
    client.begin()
    client.write(b"half of it")
    client.process.send_signal(signal.SIGTERM)
    assert client.process.wait(20) != 0
    assert bodies(server) == [b"hello\r\n"]


def test_many_at_once(talk, rogue, ini):
    server = rogue()
    config = ini(server.port, aliases="/nonexistent")
    clients = [talk(config=config) for _ in range(10)]

    def run(client, number):
        client.greet()
        client.send(content=b"\r\n%d\r\n" % number)
        client.ended()

    threads = [threading.Thread(target=run, args=(client, number)) for number, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    wait_for(lambda: len(server.sessions) == 10, 10, "ten sessions")
    assert sorted(bodies(server)) == [b"%d\r\n" % number for number in range(10)]
