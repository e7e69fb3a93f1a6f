"""Callers that are libraries of Perl, Ruby, JavaScript and Python."""

import json
from functools import partial

from web import DOTS, THREE
from world import ACCOUNT, ANNA, PROGRAMS

FIELDS = {"From": f"Anna Rossi <{ANNA}>", "To": "bruno@example.org", "Cc": "carla@example.com"}


def email_sender(world):
    world.run("perl", PROGRAMS / "email_sender.pl", ANNA, "email-sender-one")
    mail = world.mail("email-sender-one")
    mail.expect(ANNA, ["bruno@example.org", "hidden@example.org"], body=DOTS, fields={"From": FIELDS["From"]})


def email_sender_null(world):
    world.run("perl", PROGRAMS / "email_sender.pl", "", "email-sender-null")
    world.mail("email-sender-null").expect("<>", ["bruno@example.org", "hidden@example.org"], body=DOTS)


def mime_lite(world):
    world.run("perl", PROGRAMS / "mime_lite.pl", "mime-lite")
    mail = world.mail("mime-lite")
    mail.expect(ANNA, THREE, text=DOTS, fields=FIELDS)
    assert mail.parsed.get_payload()[1].get_payload(decode=True) == bytes(range(256)), "the attachment is another"


def mail_send(world):
    world.run("perl", PROGRAMS / "mail_send.pl", "by-mail-send")
    fields = {"From": f"Anna Rossi <{ACCOUNT}>", "To": "bruno@example.org"}
    world.mail("by-mail-send").expect(ACCOUNT, THREE, body=DOTS, fields=fields)


def ruby_mail(world):
    world.run("ruby", PROGRAMS / "mail.rb", "ruby-mail")
    world.mail("ruby-mail").expect(ANNA, THREE, text=DOTS, fields=FIELDS | {"Subject": "ruby-mail caffè"})


def nodemailer(world, mark, **transport):
    world.run("node", PROGRAMS / "nodemailer.js", mark, json.dumps(transport))
    world.mail(mark).expect(ANNA, THREE, text=DOTS, fields=FIELDS | {"Subject": f"{mark} caffè"})


nodemailer_unix = partial(nodemailer, mark="nodemailer-unix", sendmail=True, newline="unix")
nodemailer_windows = partial(nodemailer, mark="nodemailer-windows", sendmail=True, newline="windows")


def python_subprocess(world):
    world.run("/usr/bin/python3", PROGRAMS / "subprocess_mail.py", "python-subprocess")
    mail = world.mail("python-subprocess")
    mail.expect(ACCOUNT, THREE, text=DOTS, fields=FIELDS | {"Subject": "python-subprocess caffè"})
