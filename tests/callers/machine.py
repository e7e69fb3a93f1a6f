"""Callers that a machine has: its cron, its watchers, its daemons."""

import re
import shutil
from pathlib import Path

from waiting import wait_for
from world import ACCOUNT, ADMIN, ANNA

MINUTE = 90  # seconds until a minute has begun and its jobs are done
TO_ROOT = {"To": "root@example.it"}


def write(path, text, mode=0o644):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def cron(world):
    """A real one, with a job of root's, one of anna's, one of a user without a home, and one for elsa, for whom
    the server takes nothing now."""
    for other in Path("/etc/cron.d").iterdir():
        other.unlink()
    write("/etc/crontab", "")
    wanted = {"root": ADMIN, "anna": ANNA, "www-data": "www-data@example.it"}
    job = "* * * * * {0} printf 'cron-{0} caff\\303\\250\\n.\\nlast'\n"
    write("/etc/cron.d/callers", "".join(map(job.format, [*wanted, "elsa"])))
    world.put_off("elsa@example.it")
    daemon = world.start("cron", "-f")
    for user in wanted:
        wait_for(lambda: world.all_with(f"\ncron-{user}"), MINUTE, f"cron's message to {user}")
    wait_for(lambda: world.waiting("elsa"), MINUTE, "cron's message to elsa in the queue")
    daemon.terminate()
    world.take_again("elsa@example.it")
    world.run("orsino", "queue", "run", user="elsa")
    wanted["elsa"] = "elsa@example.it"
    for user, address in wanted.items():
        mail = world.mail(f"\ncron-{user}")
        fields = {
            "From": f"Cron Daemon <{ACCOUNT}>",
            "X-Original-From": "root (Cron Daemon)",
            "To": f"{user}@example.it",
            "Subject": re.compile(f"^Cron <{user}@vm> printf"),
            "X-Cron-Env": re.compile("<SHELL=/bin/sh>"),
        }
        mail.expect(ACCOUNT, [address], text=f"cron-{user} caffè\n.\nlast\n".encode(), fields=fields)


def no_new_privileges(world):
    """A job of a service that may not gain rights, as systemd-cron's: the relay takes its message."""
    world.relay()
    text = b"Subject: a service\n\nservice-says\n"
    world.run("setpriv", "--no-new-privs", "/usr/sbin/sendmail", "-i", "root", input=text)
    fields = {"From": f"Anna Rossi <{ACCOUNT}>", "Subject": "a service"}
    world.mail("service-says").expect(ACCOUNT, [ADMIN], text=b"service-says\n", fields=fields)


def busybox_crond(world):
    write("/var/spool/busybox/anna", "MAILTO=anna\n* * * * * echo busybox-crond; printf .\n", 0o600)
    daemon = world.start("busybox", "crond", "-f", "-l", "0", "-c", "/var/spool/busybox")
    wait_for(lambda: world.all_with("\nbusybox-crond"), MINUTE, "crond's message")
    daemon.terminate()
    fields = {"From": f"Anna Rossi <{ACCOUNT}>", "To": ANNA, "Subject": "cron: echo busybox-crond; printf ."}
    world.mail("\nbusybox-crond").expect(ACCOUNT, [ANNA], text=b"busybox-crond\n.\n", fields=fields)


def anacron(world):
    table = write("/tmp/anacrontab", "SHELL=/bin/sh\nMAILTO=root\n1 0 callers echo anacron-says; echo .; printf end\n")
    Path("/var/spool/anacron").mkdir(exist_ok=True)
    world.run("anacron", "-f", "-n", "-d", "-t", table, user="root")
    fields = TO_ROOT | {"From": f"Anacron <{ACCOUNT}>", "X-Original-From": "Anacron <root>"}
    fields["Subject"] = re.compile("^Anacron job 'callers' on vm")
    world.mail("anacron-says").expect(ACCOUNT, [ADMIN], text=b"anacron-says\n.\nend\n", fields=fields)


def at(world):
    write("/etc/at.deny", "")
    world.start("atd", "-f", "-l", "100", "-b", "0")
    wait_for(lambda: Path("/run/atd.pid").exists(), 10, "atd")
    world.run("at", "-m", "now", input="echo at-says caffè; echo .; printf end\n".encode())
    mail = world.mail("\nat-says", seconds=MINUTE)
    fields = {"From": f"Anna Rossi <{ACCOUNT}>", "To": ANNA, "Subject": re.compile("^Output from your job +1$")}
    mail.expect(ACCOUNT, [ANNA], text="at-says caffè\n.\nend\n".encode(), fields=fields)


def sudo(world):
    """carlo tries what he may not, and root is told so."""
    write("/etc/sudoers.d/callers", "Defaults mail_no_perms, !authenticate\ncarlo ALL = (root) /bin/ls\n", 0o440)
    world.run("sudo", "-n", "/bin/true", "sudo-says", user="carlo", exits=1)
    mail = world.mail("COMMAND=/bin/true sudo-says")
    fields = TO_ROOT | {"From": f"Carlo Neri <{ACCOUNT}>", "X-Original-From": "carlo"}
    fields["Subject"] = "*** SECURITY information for vm ***"
    mail.expect(ACCOUNT, [ADMIN], fields=fields)


UPGRADED = """\
from importlib.machinery import SourceFileLoader
upgrades = SourceFileLoader("upgrades", "/usr/bin/unattended-upgrade").load_module()
body = "Packages that were upgraded:\\n.\\n caffè\\n"
raise SystemExit(upgrades._send_mail_using_sendmail("root", "root", "unattended-upgrades result", body))
"""


def unattended_upgrades(world):
    """The function that sends its mail; the upgrade before it is left out."""
    world.run("/usr/bin/python3", "-B", "-W", "ignore", "-c", UPGRADED, user="root")
    fields = TO_ROOT | {"From": f"root <{ACCOUNT}>", "Subject": "unattended-upgrades result"}
    mail = world.mail("unattended-upgrades result")
    mail.expect(ACCOUNT, [ADMIN], text="Packages that were upgraded:\n.\n caffè\n".encode(), fields=fields)


def mdadm(world):
    world.run("mdadm", "--monitor", "--test", "--oneshot", "--mail=root", "/dev/md0", user="root")
    fields = TO_ROOT | {"From": f"mdadm monitoring <{ACCOUNT}>", "X-Original-From": "mdadm monitoring <root@vm>"}
    fields["Subject"] = "TestMessage event on /dev/md0:vm"
    mail = world.mail("TestMessage event on /dev/md0")
    mail.expect(ACCOUNT, [ADMIN], fields=fields)
    assert mail.body.startswith(b"This is an automatically generated mail message"), mail.body


def smartd(world):
    """What smartd runs for -m root -M exec, with what it has to say on standard input."""
    text = b"This message was generated by the smartd daemon running on:\n\n   host name:  vm\n"
    subject = "SMART error (FailedHealthCheck) detected on host: vm"
    world.run("/usr/share/smartmontools/smartd-runner", "-s", subject, "root", user="root", input=text)
    fields = TO_ROOT | {"From": f"root <{ACCOUNT}>", "Subject": subject}
    world.mail("generated by the smartd daemon").expect(ACCOUNT, [ADMIN], text=text, fields=fields)


def logwatch(world):
    settings = 'Title = "Disk Space"\nLogFile = NONE\n$show_disk_usage = 1\n'
    write("/etc/logwatch/conf/services/zz-disk_space.conf", settings)
    words = ["--output", "mail", "--mailto", "root", "--range", "today", "--service", "zz-disk_space"]
    world.run("logwatch", *words, "--hostname", "vm", user="root")
    fields = TO_ROOT | {"From": f"root <{ACCOUNT}>", "Subject": re.compile("^Logwatch for vm")}
    mail = world.mail("Subject: Logwatch for vm")
    mail.expect(ACCOUNT, [ADMIN], fields=fields)
    assert b"Logwatch End" in mail.text, mail.text


def logcheck(world):
    log = write("/tmp/watched.log", "Nov 25 00:00:00 vm strange[1]: logcheck-says something odd\n")
    # Where the machine starts with systemd or sysvinit, that is made at boot.
    Path("/run/lock/logcheck").mkdir()
    shutil.chown("/run/lock/logcheck", "logcheck")
    world.run("logcheck", "-t", "-l", log, "-m", "root", user="logcheck", cwd="/var/lib/logcheck")
    mail = world.mail("logcheck-says")
    mail.expect(ACCOUNT, [ADMIN], fields=TO_ROOT | {"From": re.compile(f"<{ACCOUNT}>$")})


JAIL = """\
[sshd]
enabled = false
[callers]
enabled = true
backend = polling
filter = callers
logpath = /tmp/jail.log
maxretry = 1
action = sendmail[name=callers]
"""


def fail2ban(world):
    write("/etc/fail2ban/jail.local", JAIL)
    write("/etc/fail2ban/filter.d/callers.conf", "[Definition]\nfailregex = ^ refused <HOST>$\n")
    write("/tmp/jail.log", "")
    Path("/run/fail2ban").mkdir(exist_ok=True)
    world.start("fail2ban-server", "-f", "start")
    started = world.mail("[Fail2Ban] callers: started on")
    fields = TO_ROOT | {"From": f"Fail2Ban <{ACCOUNT}>", "X-Original-From": "Fail2Ban <fail2ban>"}
    fields["Subject"] = re.compile(r"^\[Fail2Ban\] callers: started on vm")
    started.expect(ACCOUNT, [ADMIN], fields=fields)
    assert started.body.startswith(b"Hi,\n\nThe jail callers has been started successfully.\n"), started.body
    world.run("fail2ban-client", "set", "callers", "banip", "192.0.2.7", user="root")
    banned = world.mail("[Fail2Ban] callers: banned 192.0.2.7")
    banned.expect(ACCOUNT, [ADMIN], fields=TO_ROOT | {"From": f"Fail2Ban <{ACCOUNT}>"})
