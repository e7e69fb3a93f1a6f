"""Callers that speak SMTP themselves: to `sendmail -bs`, or to the relay on the loopback."""

import re

from libraries import FIELDS
from libraries import nodemailer as node
from web import DOTS, THREE
from world import ANNA, PROGRAMS

PEOPLE = ["--from", ANNA, "--to", "bruno@example.org,hidden@example.org"]
SWAKS = [*PEOPLE, "--body", DOTS.decode(), "--h-From", f"Anna Rossi <{ANNA}>"]
TRACE = {"Received": re.compile("with ESMTP id [A-Z0-9]+;")}


def check_swaks(world, mark):
    mail = world.mail(mark)
    mail.expect(ANNA, ["bruno@example.org", "hidden@example.org"], fields=TRACE | {"From": FIELDS["From"]})
    assert mail.body.rstrip(b"\n") == DOTS.rstrip(b"\n"), mail.body


def swaks_pipe(world):
    said = world.run("swaks", "--pipe", "/usr/sbin/sendmail -bs", *SWAKS, "--h-Subject", "swaks-pipe")
    # The form from which Symfony Mailer reads the id, since its version 6.
    assert re.search(r"^<-  250 Ok: queued as [A-Z0-9]+$", said, re.M), said
    check_swaks(world, "swaks-pipe")


def swaks(world):
    world.run("swaks", "--server", "127.0.0.1", "--port", world.relay(), *SWAKS, "--h-Subject", "swaks-relay")
    check_swaks(world, "swaks-relay")


def python_smtplib(world):
    world.run("/usr/bin/python3", PROGRAMS / "smtplib_mail.py", world.relay(), "smtplib")
    for number in (1, 2):
        world.mail(f"smtplib-{number}").expect(ANNA, THREE, text=DOTS, fields=FIELDS | TRACE)


def nodemailer(world):
    node(world, "nodemailer-relay", host="127.0.0.1", port=world.relay())
