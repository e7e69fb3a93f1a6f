"""A well-behaved server with a login, on aiosmtpd: implicit TLS or STARTTLS, misbehaving only where it is told to."""

import logging
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from servers import PASSWORD, USER


class Kept:
    """One message that was taken."""

    def __init__(self, server, session, envelope):
        self.ehlo_name = session.host_name
        self.tls = (server.transport.get_extra_info("cipher") or ())[:2]  # suite and version
        self.login = session.auth_data.login.decode() if session.auth_data else None
        self.sender = envelope.mail_from
        self.recipients = list(envelope.rcpt_tos)
        self.mail_options = list(envelope.mail_options)
        self.content = envelope.content


class Handler:
    def __init__(self, answers):
        self.answers = answers
        self.kept = []

    async def handle_MAIL(self, server, session, envelope, address, options):
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 sender ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server, session, envelope):
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.kept.append(Kept(server, session, envelope))
        return f"250 2.0.0 Ok: queued as SINK{len(self.kept)}"


def check_login(server, session, envelope, mechanism, data):
    good = data.login == USER.encode() and data.password == PASSWORD.encode()
    return AuthResult(success=good, handled=good, auth_data=data)


class Sink(Controller):
    """Answers: {"MAIL"|"DATA"|an address: reply}; what is not named is accepted and kept."""

    def __init__(self, context, tls, answers=None, limit=40_000_000):
        implicit = tls == "implicit"
        # aiosmtpd does not count implicit TLS as TLS when it is to allow a login.
        by_mode = {"auth_require_tls": False} if implicit else {"tls_context": context, "require_starttls": True}
        # It warns of that on each start, and of every refusal.
        warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
        super().__init__(
            Handler(answers or {}),
            hostname="127.0.0.1",
            port=0,
            ssl_context=context if implicit else None,
            server_hostname="sink.example.org",
            ident="orsino test server",
            authenticator=check_login,
            auth_required=True,
            data_size_limit=limit,
            enable_SMTPUTF8=True,
            **by_mode,
        )
        self.start()

    @property
    def kept(self):
        return self.handler.kept

    def _trigger_server(self):
        """The base class tries a first connection, for which it must know the port that we got."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
