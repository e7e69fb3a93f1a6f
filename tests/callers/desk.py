"""Callers at somebody's desk: programs that people write mail with, and git."""

import shutil
import tempfile
from functools import partial

from web import DOTS, THREE
from world import ACCOUNT, ANNA

NAME = {"From": f"Anna Rossi <{ANNA}>", "To": "bruno@example.org", "Cc": "carla@example.com"}
BODY = b"A line.\n.\n..two dots\nFrom here on\n" + "caffè\n".encode()

GIT = """
    set -e
    git init -q .
    git config user.name 'Anna Rossi'
    git config user.email anna@example.it
    printf 'From here\\n.\\n..\\ncaffè\\n' >file
    git add file
    git commit -q -m 'git-send-email one'
    printf '%02000d\\n' 7 >>file
    git commit -q -a -m 'git-send-email two'
    git send-email --quiet --confirm=never --suppress-cc=all --8bit-encoding=UTF-8 --envelope-sender=anna@example.it \
        --to=bruno@example.org --cc=carla@example.com --bcc=hidden@example.org -2
"""


def git_send_email(world):
    with tempfile.TemporaryDirectory() as folder:
        shutil.chown(folder, "anna")
        world.run("sh", "-c", GIT, cwd=folder)
    first, second = world.mail("git-send-email one"), world.mail("git-send-email two")
    for mail, subject in ((first, "[PATCH 1/2] git-send-email one"), (second, "[PATCH 2/2] git-send-email two")):
        mail.expect(ANNA, THREE, fields=NAME | {"Subject": subject})
    wanted = "+From here\n+.\n+..\n+caffè\n".encode()
    assert wanted in first.text, f"the patch is another: {first.text!r}"
    assert b"\n+" + b"0" * 1999 + b"7\n" in second.text, "the long line of the patch is not what it was"


def a_mutt(world, program):
    settings = ["-F", "/dev/null", "-e", f"set from={ANNA} realname='Anna Rossi' use_envelope_from=yes copy=no"]
    people = ["-c", "carla@example.com", "-b", "hidden@example.org"]
    text = BODY + f"said by {program}\n".encode()  # the subject may be encoded as a whole
    world.run(program, *settings, "-s", f"with-{program} caffè", *people, "--", "bruno@example.org", input=text)
    world.mail(f"said by {program}").expect(ANNA, THREE, text=text, fields=NAME | {"Subject": f"with-{program} caffè"})


mutt = partial(a_mutt, program="mutt")
neomutt = partial(a_mutt, program="neomutt")


def s_nail(world):
    people = ["-r", f"Anna Rossi <{ANNA}>", "-c", "carla@example.com", "-b", "hidden@example.org", "bruno@example.org"]
    world.run("s-nail", "-:/", "-s", "with-s-nail", *people, input=BODY)
    world.mail("with-s-nail").expect(ANNA, THREE, text=BODY, fields=NAME)


def bsd_mailx(world):
    people = ["-c", "carla@example.com", "-b", "hidden@example.org", "bruno@example.org"]
    world.run("bsd-mailx", "-s", "with-bsd-mailx", *people, input=BODY)
    fields = NAME | {"From": f"Anna Rossi <{ACCOUNT}>"}
    world.mail("with-bsd-mailx").expect(ACCOUNT, THREE, text=BODY, fields=fields)


def bsd_mailx_empty(world):
    world.run("bsd-mailx", "-E", "-s", "nothing-is-sent", "bruno@example.org")
    world.run("bsd-mailx", "-s", "bsd-mailx-empty", "bruno@example.org", "root")
    mail = world.mail("bsd-mailx-empty")
    mail.expect(ACCOUNT, ["bruno@example.org", "admin@example.it"], fields={"To": "bruno@example.org, root@example.it"})
    assert mail.body.strip(b"\n") == b"", mail.body
    assert not world.all_with("nothing-is-sent"), "mailx -E sent an empty message"


def mailutils(world):
    options = ["-s", "with-mailutils", "-a", "Cc: carla@example.com", "-a", "Bcc: hidden@example.org"]
    # It takes a lone dot as the end itself.
    text = BODY.replace(b"\n.\n", b"\n")
    world.run("mail.mailutils", *options, "bruno@example.org", input=text)
    fields = {"From": f"Anna Rossi <{ACCOUNT}>", "To": "<bruno@example.org>"}
    world.mail("with-mailutils").expect(ACCOUNT, THREE, text=text, fields=fields)


def mime_construct(world):
    options = ["--subject", "mime-construct-one", "--to", "bruno@example.org", "--cc", "carla@example.com"]
    world.run("mime-construct", *options, "--bcc", "hidden@example.org", "--string", DOTS.decode())
    fields = {"From": f"Anna Rossi <{ACCOUNT}>", "To": "bruno@example.org", "Cc": "carla@example.com"}
    world.mail("mime-construct-one").expect(ACCOUNT, THREE, text=DOTS, fields=fields)
