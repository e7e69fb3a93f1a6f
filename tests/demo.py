#!/usr/bin/python3
"""What `make demo` runs: a local mail server with TLS and a login, one message over each of the two ways into it, the
dialogue as orsino -v shows it, and the message as it arrived. Exits 1 when anything is missing.
"""

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "e2e"))
sys.dont_write_bytecode = True

from certificates import Certificates  # noqa: E402
from servers import PASSWORD, USER  # noqa: E402
from sink import Sink  # noqa: E402

ORSINO = os.path.abspath(os.environ.get("ORSINO", HERE.parent / "build" / "orsino"))
COLOURS = {"title": "1", "note": "2", ">": "36", "<": "32", "=": "35", "bad": "1;31", "good": "1;32"}
WAYS = {"implicit": "implicit TLS, as on port 465", "starttls": "STARTTLS, as on port 587"}

INI = """\
[orsino]
log       = {folder}/orsino.log
hostname  = demo.example.it

[demo]
host      = localhost
port      = {port}
tls       = {tls}
ca_file   = {folder}/ca.pem
user      = {user}
password  = "{password}"          ; quotes keep # and ;
from      = {user}
"""

MESSAGE = """\
From: root (Cron Daemon)
To: Anna <anna@example.org>
Bcc: archive@example.org
Subject: Grüße from {tls}

The quick brown bear jumps over the lazy dog.
.
A lone dot ends nothing, and caffè stays caffè.
"""


def show(text, kind=None, indent="    "):
    colour = COLOURS.get(kind) if sys.stdout.isatty() and "NO_COLOR" not in os.environ else None
    for line in text.rstrip("\n").split("\n"):
        line = (indent + line).rstrip()
        print(f"\033[{colour}m{line}\033[0m" if colour else line)


def send(folder, server, tls):
    ini = folder / f"{tls}.ini"
    ini.write_text(INI.format(folder=folder, port=server.port, tls=tls, user=USER, password=PASSWORD))
    ini.chmod(0o600)
    command = ["sendmail", "-C", str(ini), "-v", "-t"]
    message = MESSAGE.format(tls=tls)
    show("The account, in an INI file:", "note", "")
    show(ini.read_text())
    show(f"\nThe message, given to `{' '.join(command[:1] + command[3:])}` on stdin:", "note", "")
    show(message)
    return subprocess.run(command, executable=ORSINO, input=message.encode(), capture_output=True, timeout=60)


def show_dialogue(text):
    show('\nThe dialogue: "<" the server, ">" orsino, "=" TLS:', "note", "")
    for line in text.splitlines():
        show(line, line[:1])


def faults(tls, done, kept):
    """Sentences on what is wrong; none when all is well."""
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0:
        return [f"orsino failed with exit code {done.returncode}"]
    if len(kept) != 1:
        return [f"{len(kept)} messages arrived instead of one"]
    content = kept[0].content.decode()
    recipients = ["anna@example.org", "archive@example.org"]
    checks = {
        "the recipients are not Anna and the archive": sorted(kept[0].recipients) == recipients,
        "the server saw no login": kept[0].login == USER,
        "the server saw no TLS 1.2": "TLSv1.2" in kept[0].tls,
        "the Bcc field left the machine": "archive" not in content,
        "no From was repaired": f"From: Cron Daemon <{USER}>\r\n" in content,
        "text is missing": "\r\n.\r\nA lone dot ends nothing, and caffè stays caffè.\r\n" in content,
        "there is no Message-ID or Date": "\r\nMessage-ID: <" in content and "\r\nDate: " in content,
        "the password is in the dialogue": PASSWORD not in said,
        "the login is not in the dialogue": "AUTH PLAIN ****" in said,
        "STARTTLS was not said": ("> STARTTLS" in said) == (tls == "starttls"),
    }
    return [sentence for sentence, holds in checks.items() if not holds]


def demonstrate(folder, certificates, tls):
    show(f"{'=' * 8} One message over {WAYS[tls]} {'=' * 8}", "title", "")
    print()
    server = Sink(certificates.server_context(), tls)
    try:
        done = send(folder, server, tls)
    finally:
        server.stop()
    show_dialogue(done.stderr.decode("utf-8", "replace"))
    for kept in server.kept:
        show(f"\nWhat arrived, for {' and '.join(kept.recipients)}:", "note", "")
        show(kept.content.decode("utf-8", "replace").replace("\r\n", "\n"))
    wrong = faults(tls, done, server.kept)
    for sentence in wrong:
        show(f"\nWrong: {sentence}.", "bad", "")
    if not wrong:
        show(f"\nSent over {WAYS[tls].partition(',')[0]}, exit code 0.", "good", "")
    print()
    return not wrong


def show_log(folder):
    path = folder / "orsino.log"
    show("The log has a line for each:", "note", "")
    for line in path.read_text().splitlines() if path.exists() else []:
        show(textwrap.fill(line, 96, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False))


def main():
    if not os.access(ORSINO, os.X_OK):
        sys.exit(f"{ORSINO} is not there: run make first")
    sys.stdout.reconfigure(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="orsino-demo-") as name:
        folder = Path(name)
        certificates = Certificates(folder)
        good = [demonstrate(folder, certificates, tls) for tls in WAYS]
        show_log(folder)
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
