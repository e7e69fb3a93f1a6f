"""Replies of the server side that must be true whatever a recipient becomes."""

from conftest import table
from relay import CONTENT, MAIL, bodies, transactions

REFUSED, TAKEN = "550 5.1.1 no such user", "250 2.1.5 recipient ok"


@table(["aliases", "first", "second"], [
    ("the same alias twice", "a: gone@example.org\n", "a", "a"),
    ("two aliases of one address", "a: gone@example.org\nb: gone@example.org\n", "a", "b"),
    ("an alias, then its address", "a: gone@example.org\n", "a", "gone@example.org"),
    ("an address, then its alias", "a: gone@example.org\n", "gone@example.org", "a"),
    ("no alias, but one address for all", "", "root", "www-data"),
])  # fmt: skip
def test_an_address_that_was_refused_stays_refused(aliases, first, second, talk, rogue, tmp_path):
    server = rogue(script={"RCPT": [REFUSED, TAKEN]})
    (tmp_path / "aliases").write_text(aliases)
    client = talk(server.port, aliases=tmp_path / "aliases", local="gone@example.org")
    client.greet()
    client.expect("250 ", MAIL)
    client.expect("550 5.1.1 ", f"RCPT TO:<{first}>")
    client.expect("550 5.1.1 ", f"RCPT TO:<{second}>")
    client.expect("250 ", "RCPT TO:<bob@example.org>")
    client.expect("550 5.1.1 ", f"RCPT TO:<{second}>")
    client.expect("354 ", "DATA")
    client.write(CONTENT + b".\r\n")
    assert client.reply().startswith("250 Ok: queued as ")
    client.quit()
    client.ended()
    (one,) = transactions(server)
    assert [line.split(">")[0] for line in one.recipients] == ["RCPT TO:<bob@example.org"]


def test_an_address_that_was_taken_stays_taken(talk, rogue, tmp_path):
    server = rogue(script={"RCPT": [TAKEN, REFUSED]})
    (tmp_path / "aliases").write_text("a: bob@example.org\nb: bob@example.org, gone@example.org\n")
    client = talk(server.port, aliases=tmp_path / "aliases")
    client.greet()
    assert client.send(MAIL, "RCPT TO:<a>", "RCPT TO:<b>", "RCPT TO:<b>").startswith("250 ")
    client.quit()
    client.ended()
    assert bodies(server) == [b"hello\r\n"]


def test_an_alias_that_is_too_much_adds_nobody(talk, rogue, tmp_path):
    """An envelope has room for 50000: what does not fit is refused whole, and what was taken goes on."""
    server = rogue()
    names = {alias: [f"{alias}{n}@example.org" for n in range(25001)] for alias in "ab"}
    (tmp_path / "aliases").write_text("".join(f"{a}: {', '.join(to)}\n" for a, to in names.items()))
    client = talk(server.port, aliases=tmp_path / "aliases")
    client.greet()
    client.expect("250 ", MAIL)
    client.expect("250 ", "RCPT TO:<a>")
    client.expect("554 5.6.0 more than 50000 recipients", "RCPT TO:<b>")
    client.expect("554 5.6.0 more than 50000 recipients", "RCPT TO:<b0@example.org>")
    client.expect("354 ", "DATA")
    client.write(CONTENT + b".\r\n")
    assert client.reply().startswith("250 Ok: queued as ")
    client.quit()
    client.ended()
    (one,) = transactions(server)
    assert len(one.recipients) == len(names["a"])
