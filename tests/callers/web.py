"""Callers that serve the web, all in PHP."""

from functools import partial

from world import ACCOUNT, ANNA, DARIO_PORT, PROGRAMS

BODY = "A line.\n.\n..two dots\ncaffè\n\n".encode()  # PHP adds a line end of its own
DOTS = b"A line.\n.\n..two dots\nThe end.\n"
THREE = ["bruno@example.org", "carla@example.com", "hidden@example.org"]


def php(world, program, *words):
    return world.run("php", PROGRAMS / f"{program}.php", *words, user="www-data")


def php_mail(world, case):
    assert php(world, "mail", case) == ""
    return world.mail(f"php-{case}")


def php_plain(world):
    mail = php_mail(world, "plain")
    fields = {"From": f"www-data <{ACCOUNT}>", "To": "anna@example.org", "Subject": "php-plain"}
    mail.expect(ACCOUNT, ["anna@example.org"], text=BODY, fields=fields)


def php_sender(world):
    mail = php_mail(world, "sender")
    fields = {
        "From": "Shop <shop@example.it>",
        "To": "Bruno <bruno@example.org>, carla@example.com",
        "Cc": "dora@example.org",
        "Reply-To": "buyer@example.net",
    }
    everybody = ["bruno@example.org", "carla@example.com", "dora@example.org", "hidden@example.org"]
    mail.expect(ANNA, everybody, text=BODY, fields=fields)


def php_lf(world):
    mail = php_mail(world, "lf")
    fields = {"From": ANNA, "X-One": "1", "X-Two": "2", "Subject": "php-lf"}
    mail.expect(ACCOUNT, ["anna@example.org", "dora@example.org"], text=BODY, fields=fields)


def php_utf8(world):
    mail = php_mail(world, "utf8")
    fields = {"From": f"Müller <{ANNA}>", "Subject": "php-utf8 Grüße – caffè"}
    mail.expect(ACCOUNT, ["anna@example.org"], text=BODY, fields=fields)


def php_large(world):
    mail = php_mail(world, "large")
    mail.expect(ANNA, ["anna@example.org"], text=b"See the file.")
    attached = mail.parsed.get_payload()[1].get_payload(decode=True)
    assert attached == b"orsino\0\r\n\xff" * (5 * 1024 * 1024 // 10), "the attachment is not what was attached"


def php_later(world):
    """The provider is down: the page does not see it, and nothing is lost."""
    assert world.run("php", PROGRAMS / "mail.php", "later", user="dario") == ""
    (entry,) = world.waiting("dario")
    assert "refused" in entry["error"] and world.waiting("anna") == [], entry
    world.come_up(DARIO_PORT)
    world.run("orsino", "queue", "run", user="dario")
    fields = {"From": "dario@example.it", "To": "anna@example.org", "Subject": "php-later"}
    world.mail("php-later").expect(ACCOUNT, ["anna@example.org"], text=BODY, fields=fields)
    assert world.waiting("dario") == []


def php_background(world):
    path = "sendmail_path=/usr/sbin/sendmail -t -i -odb"
    assert world.run("php", "-d", path, PROGRAMS / "mail.php", "background", user="www-data") == ""
    world.mail("php-background").expect(ACCOUNT, ["anna@example.org"], text=BODY)


def symfony(world, dsn, mark, number=1):
    assert php(world, "symfony", dsn, mark, number) == ""
    for each in range(1, number + 1):
        mail = world.mail(f"{mark}-{each}\r\n")
        fields = {"From": f"Anna Rossi <{ANNA}>", "To": "bruno@example.org", "Cc": "carla@example.com"}
        mail.expect(ANNA, THREE, text=DOTS, fields=fields)


symfony_dialogue = partial(symfony, dsn="sendmail://default", mark="symfony-dialogue", number=3)
symfony_t = partial(symfony, dsn="sendmail://default?command=/usr/sbin/sendmail%20-t", mark="symfony-t")
symfony_native = partial(symfony, dsn="native://default", mark="symfony-native")


def swift(world, command, mark, number=1):
    php(world, "swift", command, mark, number)
    for each in range(1, number + 1):
        mail = world.mail(f"{mark}-{each}\r\n")
        mail.expect(ANNA, THREE, text=DOTS, fields={"From": f"Anna Rossi <{ANNA}>", "Cc": "carla@example.com"})


swift_dialogue = partial(swift, command="/usr/sbin/sendmail -bs", mark="swift-dialogue", number=3)
swift_t = partial(swift, command="/usr/sbin/sendmail -t", mark="swift-t")


def phpmailer(world, way, text=DOTS):
    php(world, "phpmailer", way, f"phpmailer-{way}")
    mail = world.mail(f"phpmailer-{way}")
    fields = {"From": f"Anna Rossi <{ANNA}>", "Subject": f"phpmailer-{way} caffè", "Cc": "carla@example.com"}
    mail.expect(ANNA, THREE, text=text, fields=fields)


phpmailer_sendmail = partial(phpmailer, way="isSendmail")
phpmailer_mail = partial(phpmailer, way="isMail", text=DOTS + b"\n")


def pear(world):
    php(world, "pear", "pear-mail")
    fields = {"From": f"Anna Rossi <{ANNA}>", "To": "bruno@example.org"}
    world.mail("pear-mail").expect(ANNA, THREE[:2], text=DOTS, fields=fields)
