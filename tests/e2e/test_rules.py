"""What callers of sendmail rely on, rule by rule: the command line, 1 to 13.

The rules about the message, 14 to 23, are in test_rules_message.py; those about the process, 24 to 40, in
test_rules_process.py; those about SMTP on standard input, 41 and 42, in test_bs.py.
"""

import os
import pty
import re
import subprocess
from pathlib import Path

from conftest import MESSAGE
from sending import ANNA, BOB, reverse_path, send  # noqa: F401


def test_rule_01_clusters_and_values_attached_or_not(send):
    for words in (["-ti"], ["-it"], ["-t", "-i"]):
        assert send(*words).recipients == [ANNA]
    for words in (["-tif", "web@example.it"], ["-itfweb@example.it"], ["-ti", "-rweb@example.it"]):
        session = send(*words)
        assert (session.recipients, reverse_path(session)) == ([ANNA], "web@example.it")
    values = {
        "f": "web@example.it", "r": "web@example.it", "F": "Full Name", "B": "8BITMIME", "N": "failure,delay",
        "R": "hdrs", "V": "id1", "h": "5", "X": "/nonexistent/log", "L": "tag", "p": "esmtp:host", "A": "c",
        "O": "IgnoreDots=True", "M": "id", "e": "m", "o": "em", "D": "/nonexistent/debug",
    }
    for letter, value in values.items():
        for words in ([f"-{letter}{value}"], [f"-{letter}", value]):
            assert send(*words, BOB).recipients == [BOB], words
    session = send("-Nfailure,delay", "-R", "hdrs", "-Vid1", BOB)
    assert session.command("RCPT").endswith("NOTIFY=FAILURE,DELAY")
    assert "RET=HDRS" in session.command("MAIL") and "ENVID=id1" in session.command("MAIL")
    # What may be attached only does not take the next word.
    for word in ("-d", "-d8.1", "-Q", "-Qwhy", "-E", "-J"):
        assert send(word, BOB).recipients == [BOB], word


def test_rule_02_o_means_the_same_as_its_letter(orsino, rogue, ini, send):
    dots = MESSAGE + b".\nmore\n"
    keep = {"changes": {"dot_terminates": "yes"}, "message": dots}
    assert send(BOB, **keep).body == b"hello there\r\n"
    for words in (["-i"], ["-oi"], ["-o", "i"], ["-oiTRUE"], ["-O", "IgnoreDots=True"], ["-OIgnoreDots=y"]):
        assert send(*words, BOB, **keep).body == b"hello there\r\n.\r\nmore\r\n", words
    refusing = ini(rogue({"MAIL": "550 no"}).port, name="refusing.ini")
    for words in (["-eq"], ["-oeq"], ["-o", "eq"], ["-OErrorMode=q"]):
        result = orsino.run(*words, BOB, ini=refusing)
        assert (result.exit, result.out, result.err) == (69, b"", ""), words
    for words in (["-oem"], ["-em"], ["-OErrorMode=m"]):
        orsino.run(*words, BOB, ini=refusing).failed(69)
    for word in ("-odi", "-odb", "-or0s", "-oMsmtp", "-oA/nonexistent", "-oZzz", "-ODeliveryMode=b", "-OWhatever=1"):
        assert send(word, BOB).recipients == [BOB], word


def test_rule_03_options_may_repeat(send):
    assert send("-t", "-i", "-oi", "-fa@example.it", "-t", "-i").recipients == [ANNA]
    assert reverse_path(send("-i", "-odi", "-oem", "-oi", "-fa@example.it", "-f", "b@example.it", BOB)) == "b@example.it"
    assert send("-Rhdrs", "-R", "full", BOB).command("MAIL").endswith("RET=FULL")


def test_rule_04_every_form_of_f(send):
    for words in (["-f", ""], ["-f<>"], ["-f", "<>"], ["-r", ""], ["-tf", ""]):
        session = send(*words, BOB)
        assert reverse_path(session) == "" and BOB in session.recipients, words
    for value in ("web@example.it", "<web@example.it>", "Web <web@example.it>", "'web@example.it'"):
        for words in (["-f", value], [f"-f{value}"]):
            assert reverse_path(send(*words, BOB)) == "web@example.it", words
    for bare in ("root", "fail2ban"):
        assert reverse_path(send("-f", bare, BOB)) == "info@example.it"
        assert reverse_path(send("-f", bare, BOB, changes={"from_header": "keep"})) == f"{bare}@example.it"


def test_rule_05_full_name_only_where_from_is_made(send):
    assert send("-FCronDaemon", "-i", BOB).field("From") == "Info <info@example.it>"
    for words in (["-FCronDaemon"], ["-F", "CronDaemon"]):
        session = send(*words, BOB, message=b"Subject: x\n\nhello\n")
        assert (session.field("From"), session.recipients) == ("CronDaemon <info@example.it>", [BOB])
    assert send("-F", "Full Name", BOB, message=b"From: root\n\nhello\n").field("From") == "Full Name <info@example.it>"


def test_rule_06_options_end_at_two_hyphens_only(orsino, rogue, ini, send):
    assert send("-i", "--", BOB).recipients == [BOB]
    session = send(BOB, "-f", "web@example.it", "-i")
    assert (session.recipients, reverse_path(session)) == ([BOB], "web@example.it")
    assert send("-", BOB, "-").recipients == [BOB]
    # An address that looks like an option is an address there, and nothing else.
    assert send("--", "-t", "-fx@example.org", BOB).recipients == ["-t@example.it", "-fx@example.org", BOB]
    assert send(BOB, "-t", environment={"POSIXLY_CORRECT": "1"}).recipients == [BOB, "-t@example.it"]
    orsino.run("--bob", ini=ini(rogue().port)).failed(64, "--bob")


def test_rule_07_a_word_may_hold_several_recipients(send, tmp_path):
    two = ["a@example.org", "b@example.org"]
    for word in (",".join(two), ", ".join(two), " ".join(two)):
        assert send(word).recipients == two, word
    assert send('"Rossi, Anna" <a@example.org>').recipients == two[:1]
    assert send("", two[0], "").recipients == two[:1]
    assert send("logcheck").recipients == ["logcheck@example.it"]
    (tmp_path / "aliases").write_text("root: anna@example.org\n")
    assert send("root", "joe", changes={"aliases": tmp_path / "aliases"}).recipients == [ANNA, "joe@example.it"]


def test_rule_08_arguments_are_added_to_those_of_the_header(orsino, rogue, ini, send):
    assert send("-t", BOB, ANNA).recipients == [BOB, ANNA]
    assert send("-i", "-t", "-f", "web@example.it", "--", BOB).recipients == [BOB, ANNA]
    assert send("-t", BOB, message=b"Subject: nobody\n\nhello\n").recipients == [BOB]
    server = rogue()
    for words in (["-t"], []):
        orsino.run(*words, ini=ini(server.port), message=b"Subject: nobody\n\nhello\n").failed(64, "no recipient")
    assert server.sessions == []


def test_rule_09_recipients_of_the_header(send):
    rows = [
        ("To: a@x.org\nCc: b@x.org\nBcc: c@x.org", "a@x.org b@x.org c@x.org"),
        ("To: \nTo: a@x.org", "a@x.org"),
        ("To: a@x.org\nTo: b@x.org", "a@x.org b@x.org"),
        ("To: undisclosed-recipients:;\nBcc: c@x.org", "c@x.org"),
        ("To: old@x.org\nResent-To: a@x.org\nResent-Cc: b@x.org\nResent-Bcc: c@x.org", "a@x.org b@x.org c@x.org"),
    ]
    for header, recipients in rows:
        assert " ".join(send("-t", message=f"{header}\n\nhello\n".encode()).recipients) == recipients, header


def test_rule_10_bcc_is_always_removed(send):
    header = b"From: info@example.it\nTo: a@x.org\nBcc: b@x.org,\n c@x.org\nbcc: d@x.org\nReturn-Path: <e@x.org>\nContent-Length: 6\n"
    for words in (["-t"], [BOB]):
        session = send(*words, message=header + b"\nhello\n")
        for name in ("Bcc", "Return-Path", "Content-Length"):
            assert session.fields(name) == []
        assert b"c@x.org" not in session.message
    session = send(BOB, message=header.replace(b"Bcc", b"Resent-Bcc") + b"\nhello\n")
    assert session.fields("Resent-Bcc") == [] and b"c@x.org" not in session.message


def test_rule_11_an_option_that_any_sendmail_knows_loses_no_mail(orsino, rogue, ini, send):
    silent = "-i -oi -oem -oep -oew -oee -ep -em -odi -odb -odq -m -om -oo -n -U -G -c -s -T -x -I -S -E -J -Q -d".split()
    silent += "-Ltag -Ac -Am -B7BIT -h5 -Rhdrs -Nnever -Vid -Xfile -Dfile -pesmtp -Mrsmtp -M8 -Fx -oQ/x -OX=y -d0-99.1".split()
    for word in silent:
        assert send(word, BOB).recipients == [BOB], word
    server = rogue()
    result = orsino.run("-v", BOB, ini=ini(server.port))
    assert (result.exit, result.out) == (0, b"") and "MAIL FROM" in result.err
    assert server.session.message
    known = set("ABCDEFGIJLMNOQRTUVXabcdefhimnopqrsStvx")
    for letter in sorted(set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") - known):
        orsino.run(f"-{letter}", BOB, ini=ini(server.port)).failed(64, f"unknown option -{letter}")


def test_rule_12_modes_and_names(orsino, rogue, ini, send, link):
    for words in (["-bm"], ["-ba"], ["-b", "m"]):
        assert send(*words, BOB).recipients == [BOB]
    for words in (["-bp"], ["-b", "p"], ["-bp", "-Ac"]):
        assert orsino.run(*words).out == b"Mail queue is empty\n"
    server = rogue()
    config = ini(server.port)
    for words in (["-q"], ["-q0"], ["-q15m"], ["-qf"], ["-qp15m"], ["-qRexample.org"], ["-R", "example.org"], ["-q", "-v"]):
        orsino.run(*words, ini=config).succeeded()
    assert orsino.run("-bP", ini=config).out == b"0\n"
    orsino.run("-bC", ini=config).succeeded()
    orsino.run("-bC", "-a", "nowhere", ini=config).failed(78, "no account nowhere")
    shown = orsino.run("-bv", BOB, ini=config)
    assert (shown.exit, shown.err) == (0, "") and BOB.encode() in shown.out
    listed = orsino.run("-bt", ini=config, message=b"joe\n")
    assert (listed.exit, listed.err) == (0, "") and b"joe@example.it" in listed.out
    for mode in ("-bh", "-bH", "-bz", "-bX"):
        orsino.run(mode, ini=config).failed(64, mode)
    greeted = orsino.run("-bs", ini=config, message=b"QUIT\r\n")
    assert (greeted.exit, greeted.err) == (0, "") and greeted.out.startswith(b"220 ")
    for words in (["--version"], ["-d0.1"], ["-d0.4"]):
        version = orsino.run(*words, ini=config if words[0] != "--version" else None)
        assert version.exit == 0 and version.out.startswith(b"orsino "), words
    assert server.sessions == []
    for name, out in (("mailq", b"Mail queue is empty\n"), ("runq", b"")):
        done = subprocess.run([str(link(name))], stdin=subprocess.DEVNULL, env=orsino.environment(), capture_output=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, out, b"")
    assert orsino.run(name="newaliases", environment={"ORSINO_ALIASES": ""}).exit == 0
    for name in ("sendmail", "send-mail", "/usr/sbin/sendmail", ""):
        assert send(BOB, name=name).recipients == [BOB]


def test_rule_13_no_recipient_never_hangs(orsino, rogue, ini):
    config = ini(rogue().port)
    ours, theirs = pty.openpty()
    try:
        orsino.run(ini=config, stdin=theirs).failed(64, "no recipient")
    finally:
        os.close(ours)
        os.close(theirs)
    process = orsino.start(ini=config)
    process.stdin.write(MESSAGE * 20000)  # a broken pipe is an exception here
    process.stdin.close()
    assert process.wait(30) == 64
    assert process.stderr.read().count(b"\n") == 1
    process.stdout.close()
    process.stderr.close()


def test_every_rule_has_a_test():
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    tested = {int(number) for number in re.findall(r"(?m)^def test_rule_(\d\d)_", text)}
    assert tested >= set(range(1, 43))
