"""What a client of `sendmail -bs` hears of the provider: its own words, and trouble with it."""

from conftest import table
from relay import CONTENT, MAIL, RCPT, bodies, transactions
from rogue import CLOSE, RESET, SILENCE

OTHER_RCPT = "RCPT TO:<carl@example.org>"


def test_messages_share_one_connection(talk, rogue):
    server = rogue(tls="none")
    client = talk(server.port)
    client.greet()
    for number in range(5):
        assert client.send(content=b"\r\n%d\r\n" % number).startswith("250 ")
    client.quit()
    client.ended()
    assert bodies(server) == [b"%d\r\n" % number for number in range(5)]
    assert server.session.verbs == "EHLO " + "MAIL RCPT DATA . " * 5 + "QUIT"


def test_the_provider_is_asked_while_the_client_waits(talk, rogue):
    """What is said of a recipient is true: the provider has said it."""
    server = rogue()
    client = talk(server.port)
    client.greet()
    client.expect("250 ", MAIL)
    assert server.sessions == []
    client.expect("250 2.1.5", RCPT)
    assert server.sessions[0].verbs == "EHLO MAIL RCPT"
    client.expect("250 2.1.5", OTHER_RCPT)
    assert server.sessions[0].verbs == "EHLO MAIL RCPT RCPT"
    client.expect("250 ", "RSET")
    client.ended()


@table("script, at, want", [
    ("the sender, said of the first recipient", {"MAIL": "550 5.7.1 not yours"}, RCPT, "550 5.7.1 not yours"),
    ("the sender, for now", {"MAIL": "450 4.7.1 not now"}, RCPT, "450 4.7.1 not now"),
    ("a recipient", {"RCPT": "550 5.1.1 no such user"}, RCPT, "550 5.1.1 no such user"),
    ("a recipient, for now", {"RCPT": "450 4.2.1 mailbox busy"}, RCPT, "450 4.2.1 mailbox busy"),
    ("several lines", {"RCPT": "550-5.1.1 no such user\r\n550 5.1.1 see example.org"}, RCPT, "550"),
    ("no enhanced code", {"RCPT": "550 no such user"}, RCPT, "550 5.1.1 no such user"),
    ("DATA", {"DATA": "554 5.5.1 no data today"}, ".", "554 5.5.1 no data today"),
    ("the message", {"dot": "554 5.6.0 looks like spam"}, ".", "554 5.6.0 looks like spam"),
    ("the message, for now", {"dot": "452 4.3.1 disk full"}, ".", "452 4.3.1 disk full"),
    ("the whole service", {"greeting": "554 5.7.1 we do not like you"}, RCPT, "451 4.3.2"),
])  # fmt: skip
def test_the_providers_own_words(script, at, want, talk, rogue):
    client = talk(rogue(script).port)
    client.greet()
    client.expect("250 ", MAIL)
    if at == RCPT:
        assert client.ask(RCPT).startswith(want)
    else:
        client.expect("250 ", RCPT)
        client.expect("354 ", "DATA")
        client.write(CONTENT + b".\r\n")
        assert client.reply() == want
    client.quit()
    client.ended()


@table("script, tls, want", [
    ("a login that is refused is not the client's", {"AUTH": "535 5.7.8 wrong password"}, "implicit", "451 4.7.0"),
    ("a login that is refused for now", {"AUTH": "454 4.7.0 later"}, "implicit", "451 4.7.0"),
    ("a provider that hangs up", {"greeting": CLOSE}, "none", "451 4."),
    ("a provider that breaks off", {"EHLO": RESET}, "none", "451 4."),
    ("a provider that is busy", {"greeting": "421 4.3.2 too busy"}, "none", "451 4.3.2"),
    ("a provider that says nothing", {"greeting": SILENCE}, "none", "451 4."),
])  # fmt: skip
def test_trouble_with_the_provider_is_for_now(script, tls, want, talk, rogue):
    server = rogue(script, tls)
    client = talk(server.port, tls=tls, timeout="1s")
    client.greet()
    client.expect("250 ", MAIL)
    client.expect(want, RCPT)
    client.expect(want, OTHER_RCPT)
    client.expect("554 5.5.1", "DATA")
    client.quit()
    client.ended()
    assert transactions(server) == []


def test_a_provider_that_is_down(talk, rogue):
    server = rogue()
    server.stop()
    client = talk(server.port)
    client.greet()
    client.expect("250 ", MAIL)
    said = client.expect("451 4.", RCPT)
    assert f"localhost:{server.port}" in said or "refused" in said.lower(), said
    client.expect("250 ", "RSET")
    client.quit()
    client.ended()


def test_a_wrong_certificate(talk, rogue):
    server = rogue(tls="implicit", certificate="wrong-name")
    client = talk(server.port, tls="implicit")
    client.greet()
    client.expect("250 ", MAIL)
    said = client.expect("4", RCPT)
    assert "certificate" in said, said
    client.ended()


@table(["how"], [("without a word", CLOSE), ("with a reset", RESET), ("with 421", ("421 4.4.2 idle for too long", CLOSE))])
def test_a_provider_that_closes_between_two_messages(how, talk, rogue):
    server = rogue({"dot": [("250 2.0.0 Ok", *(how if isinstance(how, tuple) else (how,))), "250 2.0.0 Ok"]})
    client = talk(server.port)
    client.greet()
    assert client.send(content=b"\r\nfirst\r\n").startswith("250 ")
    server.wait()
    assert client.send(content=b"\r\nsecond\r\n").startswith("250 ")
    client.quit()
    client.ended()
    server.wait()
    texts = [[one.text.partition(b"\r\n\r\n")[2] for one in session.transactions] for session in server.sessions]
    assert texts == [[b"first\r\n"], [b"second\r\n"]]


@table("script, said", [
    ("behind the recipient", {"RCPT": [("250 ok", CLOSE), "250 ok"]}, "451 4."),
    ("behind DATA", {"DATA": [CLOSE, "354 go on"]}, "451 4."),
    ("behind the message", {"dot": [CLOSE, "250 ok"]}, "451 4."),
    ("with words", {"dot": [("421 4.3.2 going down", CLOSE), "250 ok"]}, "451 4.3.2 going down"),
])  # fmt: skip
def test_a_provider_that_closes_in_the_middle_of_a_message(script, said, talk, rogue):
    """That one is not taken; the next one gets a connection of its own."""
    server = rogue(script)
    client = talk(server.port)
    client.greet()
    assert client.send(content=b"\r\nfirst\r\n").startswith(said)
    assert client.send(content=b"\r\nsecond\r\n").startswith("250 Ok")
    client.quit()
    client.ended()
    assert bodies(server) == [b"second\r\n"]
    assert len(server.sessions) == 2


def test_a_message_that_is_too_large_for_the_provider(talk, rogue):
    server = rogue(keywords=["SIZE 1000"])
    client = talk(server.port)
    client.greet()
    client.expect("250 ", MAIL + " SIZE=1001")
    client.expect("552 5.3.4", RCPT)
    client.expect("250 ", "RSET")
    assert client.send(content=b"\r\n" + b"x" * 900 + b"\r\n" + b"y" * 200 + b"\r\n").startswith("552 5.3.4")
    assert client.send().startswith("250 ")
    client.ended()
    assert bodies(server) == [b"hello\r\n"]
