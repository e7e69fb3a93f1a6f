"""THE list of callers. The README's table is made from it; each row's function sends a message and looks at what arrives."""

from dataclasses import dataclass
from typing import Callable

import desk
import libraries
import machine
import relay
import web


@dataclass
class Caller:
    name: str
    package: str  # of Debian, several parted by a space; "" where nothing has to be installed
    calls: str  # the words that reach sendmail, or how else it is spoken to
    run: Callable
    waits: bool = False  # for the next minute of a clock


CALLERS = [
    Caller("PHP mail()", "php-cli", "-t -i", web.php_plain),
    Caller("PHP mail() with -f", "php-cli", "-t -i -fADDRESS", web.php_sender),
    Caller("PHP mail(), headers with LF", "php-cli", "-t -i", web.php_lf),
    Caller("PHP mail(), subject in UTF-8", "php-cli", "-t -i", web.php_utf8),
    Caller("PHP mail(), 5 MB attached", "php-cli", "-t -i -fADDRESS", web.php_large),
    Caller("PHP mail(), the provider down", "php-cli", "-t -i", web.php_later),
    Caller("PHP mail(), in the background", "php-cli", "-t -i -odb", web.php_background),
    Caller("Symfony Mailer, sendmail://default", "php-symfony-mailer", "-bs", web.symfony_dialogue),
    Caller("Symfony Mailer, -t", "php-symfony-mailer", "-fADDRESS -- RECIPIENTS", web.symfony_t),
    Caller("Symfony Mailer, native://default", "php-symfony-mailer", "-i -fADDRESS -- RECIPIENTS", web.symfony_native),
    Caller("Swift Mailer, -bs", "php-swiftmailer php-email-validator", "-bs", web.swift_dialogue),
    Caller("Swift Mailer, -t", "php-swiftmailer php-email-validator", "-t -fADDRESS", web.swift_t),
    Caller("PHPMailer, isSendmail()", "libphp-phpmailer", "-t -i -oi -fADDRESS -t", web.phpmailer_sendmail),
    Caller("PHPMailer, isMail()", "libphp-phpmailer", "-t -i -fADDRESS", web.phpmailer_mail),
    Caller("PEAR Mail", "php-mail php-pear", "-i -fADDRESS -- RECIPIENTS", web.pear),
    Caller("anacron", "anacron", "-FAnacron -odi root", machine.anacron),
    Caller("at", "at", "-i USER", machine.at),
    Caller("sudo", "sudo", "-t", machine.sudo),
    Caller("mdadm --monitor --test", "mdadm", "-t", machine.mdadm),
    Caller("smartd", "smartmontools bsd-mailx", "`mail -s SUBJECT root`, and so `-i -t`", machine.smartd),
    Caller("logwatch", "logwatch", "-t", machine.logwatch),
    Caller("logcheck", "logcheck", "-oi RECIPIENT", machine.logcheck),
    Caller("fail2ban", "fail2ban", "-f fail2ban root", machine.fail2ban),
    Caller("a service with NoNewPrivileges", "", "-i root", machine.no_new_privileges),
    Caller("unattended-upgrades", "unattended-upgrades", "-oi -t", machine.unattended_upgrades),
    Caller("git send-email", "git-email", "-f ADDRESS -i RECIPIENTS", desk.git_send_email),
    Caller("mutt", "mutt", "-oem -oi -f ADDRESS -- RECIPIENTS", desk.mutt),
    Caller("neomutt", "neomutt", "-oem -oi -f ADDRESS -- RECIPIENTS", desk.neomutt),
    Caller("s-nail", "s-nail", "-i -F NAME -f ADDRESS -- RECIPIENTS", desk.s_nail),
    Caller("bsd-mailx", "bsd-mailx", "-i -t", desk.bsd_mailx),
    Caller("bsd-mailx, no body", "bsd-mailx", "-i -t", desk.bsd_mailx_empty),
    Caller("mail of GNU Mailutils", "mailutils", "-oi -f ADDRESS -t", desk.mailutils),
    Caller("mime-construct", "mime-construct", "-oi RECIPIENTS", desk.mime_construct),
    Caller("Email::Sender (Perl)", "libemail-sender-perl", "-i -f ADDRESS -- RECIPIENTS", libraries.email_sender),
    Caller("Email::Sender, null sender", "libemail-sender-perl", '-i -f "" -- RECIPIENTS', libraries.email_sender_null),
    Caller("MIME::Lite (Perl)", "libmime-lite-perl", "-t -oi -oem -fADDRESS", libraries.mime_lite),
    Caller("Mail::Send (Perl)", "libmailtools-perl", "-t", libraries.mail_send),
    Caller("Ruby's mail", "ruby-mail", "-i -f ADDRESS -- RECIPIENTS", libraries.ruby_mail),
    Caller("Nodemailer, newline unix", "", "-i -f ADDRESS RECIPIENTS", libraries.nodemailer_unix),
    Caller("Nodemailer, newline windows", "", "-i -f ADDRESS RECIPIENTS", libraries.nodemailer_windows),
    Caller("Python, subprocess", "", "-t -oi", libraries.python_subprocess),
    Caller("swaks --pipe", "swaks", "-bs", relay.swaks_pipe),
    Caller("Python's smtplib", "", "the relay", relay.python_smtplib),
    Caller("swaks", "swaks", "the relay", relay.swaks),
    Caller("Nodemailer, SMTP", "", "the relay", relay.nodemailer),
    Caller("cron", "cron", "-FCronDaemon -i -B8BITMIME -oem USER", machine.cron, waits=True),
    Caller("crond of BusyBox", "busybox-static", "-ti", machine.busybox_crond, waits=True),
]

PACKAGES = sorted({package for caller in CALLERS for package in caller.package.split()})


def table():
    rows = [f"| {caller.name} | {f'`{caller.calls}`' if caller.calls.startswith('-') else caller.calls} |" for caller in CALLERS]
    return "\n".join(["| caller | how it calls |", "| --- | --- |", *rows]) + "\n"
