"""A real Postfix with Dovecot for the logins, of our own: own folders, high loopback ports, stopped by process id.

Nothing here touches the machine's Postfix, its queue or /etc.
"""

import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from email import message_from_bytes
from email.policy import default as email_policy
from pathlib import Path

from waiting import wait_for

USER = "info@example.it"
PASSWORD = "p#ss;word"
SMALL_LIMIT = 200_000
LARGE_LIMIT = 40_000_000

QUEUE_FOLDERS = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"]

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {top}/queue
data_directory = {top}/data
maillog_file = {top}/mail.log
maillog_file_prefixes = {top}
command_directory = {commands}
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.test.example
mydestination =
alias_maps =
mynetworks = 127.0.0.0/8
message_size_limit = {large}
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_banner = $myhostname ESMTP
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_helo_required = yes
smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access regexp:{top}/recipients
smtpd_delay_reject = no
smtpd_error_sleep_time = 0
strict_rfc821_envelopes = yes

# What orsino sent must be seen as it came: no repairs, and no header dropped.
local_header_rewrite_clients =
message_drop_headers =

virtual_mailbox_domains = example.org, example.com, example.it, [127.0.0.1]
virtual_mailbox_maps = static:all/
virtual_mailbox_base = {top}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_transport = virtual

smtpd_tls_chain_files = {certificate}
smtpd_tls_received_header = yes
smtpd_tls_auth_only = yes
smtpd_tls_loglevel = 1
smtpd_sasl_type = dovecot
smtpd_sasl_path = {top}/auth
smtpd_sasl_authenticated_header = yes
smtpd_sasl_security_options = noanonymous
"""

MASTER_CF = """
127.0.0.1:{implicit} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_sender_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{starttls} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_sender_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{plain} inet n - n - - smtpd
  -o smtpd_tls_security_level=none
127.0.0.1:{small} inet n - n - - smtpd
  -o smtpd_tls_security_level=none
  -o message_size_limit={small_limit}
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

RECIPIENTS = """
/^reject-/  550 5.1.1 no such mailbox here
/^policy-/  550 5.7.1 not from you
/^later-/   450 4.2.1 mailbox busy, come back later
"""

DOVECOT_CONF = """
base_dir = {top}/dovecot
state_dir = {top}/dovecot
log_path = {top}/dovecot.log
protocols =
ssl = no
auth_mechanisms = plain login
disable_plaintext_auth = no
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {top}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home=/nonexistent
}}
service auth {{
  unix_listener {top}/auth {{
    mode = 0600
    user = postfix
  }}
}}
service anvil {{
  chroot =
  # No waiting after a wrong password.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


class Mail:
    """One message as it lies in the Maildir."""

    def __init__(self, path):
        self.raw = path.read_bytes()
        self.parsed = message_from_bytes(self.raw, policy=email_policy)

    @property
    def recipient(self):
        return self.parsed["Delivered-To"]

    @property
    def sender(self):
        return self.parsed["Return-Path"]

    @property
    def received(self):
        """Postfix's own words on the client, TLS and the login, on one line."""
        return " ".join(str(self.parsed["Received"]).split())

    @property
    def sent(self):
        """What orsino sent: everything behind the trace fields that Postfix put on top."""
        lines = self.raw.splitlines(keepends=True)
        at = 0
        while lines[at].startswith((b"Return-Path:", b"X-Original-To:", b"Delivered-To:", b"Received:", b" ", b"\t")):
            at += 1
        return b"".join(lines[at:])

    @property
    def header(self):
        return self.sent.partition(b"\n\n")[0] + b"\n"

    @property
    def body(self):
        return self.sent.partition(b"\n\n")[2]


class Postfix:
    def __init__(self, certificates):
        self.require()
        # Not in pytest's folder, which only its owner may enter: Postfix gives up root.
        self.top = Path(tempfile.mkdtemp(prefix="orsino-mx-"))
        self.top.chmod(0o755)
        self.implicit, self.starttls, self.plain, self.small = free_ports(4)
        self.processes = []
        try:
            self._make_folders()
            self._write_files(certificates)
            self._start()
        except BaseException:
            self.stop()
            raise

    @staticmethod
    def require():
        assert os.geteuid() == 0, "these tests run a Postfix of their own, and Postfix starts as root only"
        for program in ("postconf", "dovecot"):
            assert shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"), f"{program} is not installed"

    def take(self, recipient, seconds=15):
        """The message that arrived for this recipient; it is taken out of the Maildir."""
        folder = self.top / "mail" / "all" / "new"

        def look():
            for path in sorted(folder.glob("*")):
                mail = Mail(path)
                if mail.recipient == recipient:
                    path.unlink()
                    return mail
            return None

        return wait_for(look, seconds, f"mail for {recipient}; the log says:\n{self.log()[-3000:]}")

    def log(self):
        path = self.top / "mail.log"
        return path.read_text() if path.exists() else ""

    def _make_folders(self):
        owner = pwd.getpwnam("postfix").pw_uid
        group = grp.getgrnam("postdrop").gr_gid
        queue = self.top / "queue"
        for folder in (queue, queue / "pid", self.top / "dovecot"):
            folder.mkdir(mode=0o755)
        for name in QUEUE_FOLDERS:
            (queue / name).mkdir(mode=0o700)
            os.chown(queue / name, owner, -1)
        for name, mode in (("public", 0o710), ("maildrop", 0o1730)):
            (queue / name).mkdir()
            os.chown(queue / name, owner, group)
            (queue / name).chmod(mode)
        for name in ("data", "mail"):
            (self.top / name).mkdir(mode=0o700)
            os.chown(self.top / name, owner, -1)

    def _write_files(self, certificates):
        shutil.copy(certificates.server_file("good"), self.top / "server.pem")
        (self.top / "server.pem").chmod(0o600)
        nobody = pwd.getpwnam("postfix")
        values = {
            "top": self.top,
            "certificate": self.top / "server.pem",
            "commands": postconf_default("command_directory"),
            "daemons": postconf_default("daemon_directory"),
            "uid": nobody.pw_uid,
            "gid": nobody.pw_gid,
            "large": LARGE_LIMIT,
            "small_limit": SMALL_LIMIT,
            "implicit": self.implicit,
            "starttls": self.starttls,
            "plain": self.plain,
            "small": self.small,
        }
        (self.top / "main.cf").write_text(MAIN_CF.format(**values))
        (self.top / "master.cf").write_text(MASTER_CF.format(**values))
        (self.top / "recipients").write_text(RECIPIENTS)
        (self.top / "dovecot.conf").write_text(DOVECOT_CONF.format(**values))
        (self.top / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")

    def _start(self):
        path = os.environ["PATH"] + ":/usr/sbin"
        dovecot = shutil.which("dovecot", path=path)
        master = postconf_default("daemon_directory") + "/master"
        with open(self.top / "output", "wb") as output:
            for command in ([dovecot, "-F", "-c", self.top / "dovecot.conf"], [master, "-c", self.top, "-d"]):
                # A session of their own, so that a Ctrl-C comes to us, who stop them in order.
                self.processes.append(
                    subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
                )
        wait_for(lambda: (self.top / "auth").exists(), 20, f"Dovecot: {self._complaints()}")
        for port in (self.implicit, self.starttls, self.plain, self.small):
            wait_for(lambda: can_connect(port), 20, f"Postfix: {self._complaints()}")

    def _complaints(self):
        files = [self.top / name for name in ("output", "mail.log", "dovecot.log")]
        return "\n".join(f.read_text(errors="replace")[-2000:] for f in files if f.exists())

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.top, ignore_errors=True)


def postconf_default(name):
    postconf = shutil.which("postconf", path=os.environ["PATH"] + ":/usr/sbin")
    # The built-in defaults (-d): the machine's own main.cf is no business of these tests.
    done = subprocess.run([postconf, "-dh", name], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def free_ports(count):
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
