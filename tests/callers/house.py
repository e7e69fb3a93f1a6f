"""The house that the callers live in: an overlay on the machine's root, with their packages and orsino installed.

Two steps, each in namespaces that end with it. The first has the machine's network and installs the packages; what they
changed is kept as an archive, which is good for as long as the machine's own packages stay the same. The second unpacks
it into memory and has no network but loopback.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CACHE = PROJECT / "build" / "callers"
ROOT = CACHE / "house"
PROGRAMS = Path("/run/programs")
INSIDE, BUILD = "--inside", "--build-layer"
HOST_NAME = "vm"  # without a dot, as machines have it that nobody named

# A package that wants a mail server is content with this one; no other may come in and take /usr/sbin/sendmail.
STAND_IN = """\
Package: orsino-stand-in
Version: 1
Architecture: all
Maintainer: nobody <nobody@example.org>
Provides: default-mta, mail-transport-agent
Description: stands in for a mail server
"""

INSTALL = """\
exec >/run/apt.log 2>&1
dpkg-deb --build /run/stand-in /run/stand-in.deb
dpkg-query --show --showformat '${db:Status-Status} ${Provides}\\n' | grep '^installed .*mail-transport-agent' ||
    dpkg --install /run/stand-in.deb
apt-get -q update
apt-get -q -y --no-install-recommends -o APT::Keep-Downloaded-Packages=true install "$@"
command -v npm || apt-get -q -y --no-install-recommends install nodejs npm
npm install --loglevel=error --no-audit --no-fund --prefix /usr/local/lib/callers nodemailer@10
"""

DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}


def call(*words, **more):
    subprocess.run([str(word) for word in words], check=True, **more)


def what_is_missing():
    """Why nothing can be tested here; None when it can."""
    if os.geteuid() != 0:
        return "that needs root"
    for tool in ("unshare", "apt-get", "dpkg-deb", "chroot", "ip", "tar"):
        if not shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return f"that needs the program {tool}"
    probe = ["unshare", "--mount", "--net", "--pid", "--uts", "--fork", "sh", "-c"]
    script = """mount -t tmpfs t "$0" && cd "$0" && mkdir a b c &&
        mount -t overlay o -o lowerdir=/,upperdir=a,workdir=b c"""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([*probe, script, folder], capture_output=True)
    return "namespaces or overlays cannot be made here" if done.returncode else None


def orsino():
    return Path(os.environ.get("ORSINO", PROJECT / "build" / "orsino")).resolve()


def layer_path(packages):
    """The archive's name holds all that it was made from."""
    digest = hashlib.sha256("\n".join([STAND_IN, INSTALL, *packages]).encode())
    digest.update(Path("/var/lib/dpkg/status").read_bytes())
    return CACHE / f"packages-{digest.hexdigest()[:16]}.tar"


def run(script, words, packages):
    if not orsino().exists():
        print(f"{orsino()} is not there: run make first")
        return 2
    ROOT.mkdir(parents=True, exist_ok=True)
    layer = layer_path(packages)
    environment = os.environ | {"CALLERS_LAYER": str(layer)}
    if not layer.exists():
        print(f"installing {len(packages)} packages into an overlay; that is needed once", flush=True)
        build = ["unshare", "--mount", "--pid", "--fork", "--kill-child", script, BUILD]
        if subprocess.run(build, env=environment).returncode:
            return 1
    # Its own process id 1, so that whatever the callers leave behind ends with it.
    inside = ["unshare", "--mount", "--net", "--pid", "--uts", "--fork", "--kill-child", script, INSIDE, *words]
    return subprocess.run(inside, env=environment).returncode


def mount_root(layer=None):
    """The overlay, with /dev, /proc, /run and /tmp of its own."""
    memory = ROOT
    call("mount", "-t", "tmpfs", "-o", "mode=755", "orsino", memory)
    for name in ("upper", "work", "root"):
        (memory / name).mkdir()
    if layer:
        call("tar", "--xattrs", "--xattrs-include=*", "-C", memory / "upper", "-xf", layer)
    options = f"lowerdir=/,upperdir={memory}/upper,workdir={memory}/work"
    root = memory / "root"
    call("mount", "-t", "overlay", "-o", options, "orsino", root)
    call("mount", "-t", "proc", "proc", root / "proc")
    call("mount", "-t", "tmpfs", "-o", "mode=755", "run", root / "run")
    call("mount", "-t", "tmpfs", "-o", "mode=1777", "tmp", root / "tmp")
    (root / "run" / "lock").mkdir()
    make_devices(root / "dev")
    return root


def make_devices(folder):
    call("mount", "-t", "tmpfs", "-o", "mode=755", "dev", folder)
    for name, (major, minor) in DEVICES.items():
        os.mknod(folder / name, 0o020666, os.makedev(major, minor))
        (folder / name).chmod(0o666)
    for name in ("pts", "shm"):
        (folder / name).mkdir()
    call("mount", "-t", "devpts", "-o", "ptmxmode=666,newinstance", "devpts", folder / "pts")
    (folder / "ptmx").symlink_to("pts/ptmx")
    for name, target in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
        (folder / name).symlink_to(f"/proc/self/fd{target}")


def build_layer(packages):
    layer = Path(os.environ["CALLERS_LAYER"])
    call("mount", "--make-rprivate", "/")
    archives = CACHE / "archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    root = mount_root()
    shutil.copyfile("/etc/resolv.conf", root / "run" / "resolv.conf")
    call("mount", "--bind", root / "run" / "resolv.conf", os.path.realpath(root / "etc" / "resolv.conf"))
    call("mount", "--bind", archives, root / "var" / "cache" / "apt" / "archives")
    try:
        install(root, packages)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error}\n{(root / 'run' / 'apt.log').read_text()[-4000:]}")
    for old in CACHE.glob("packages-*.tar*"):
        old.unlink()
    part = layer.with_suffix(".part")
    call("tar", "--xattrs", "--xattrs-include=*", "-C", ROOT / "upper", "-cf", part, ".")
    part.rename(layer)


def install(root, packages):
    # No daemon may start: the callers' own are started by hand, with a message to wait for.
    (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (root / "usr/sbin/policy-rc.d").chmod(0o755)
    control = root / "run" / "stand-in" / "DEBIAN" / "control"
    control.parent.mkdir(parents=True)
    control.write_text(STAND_IN)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "npm_config_cache": "/var/cache/apt/archives/npm"}
    call("chroot", root, "sh", "-ec", INSTALL, "sh", *packages, env=environment)


def enter():
    """Makes the house, and is in it afterwards, with orsino as its sendmail."""
    call("mount", "--make-rprivate", "/")
    root = mount_root(os.environ["CALLERS_LAYER"])
    # The project may lie on a file system of its own, which an overlay of / does not show.
    inner = root / PROJECT.relative_to("/")
    inner.mkdir(parents=True, exist_ok=True)
    call("mount", "--bind", "-o", "ro", PROJECT, inner)
    # Whoever calls must be able to read these, and perhaps not the folders that the project lies in.
    shutil.copytree(Path(__file__).parent / "programs", root / PROGRAMS.relative_to("/"))
    (root / "run" / "build").mkdir()
    shutil.copy(orsino(), root / "run" / "build" / "orsino")
    os.chroot(root)
    os.chdir("/")
    socket.sethostname(HOST_NAME)
    Path("/etc/hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {HOST_NAME}\n")
    call("ip", "link", "set", "lo", "up")
    for name in list(os.environ):
        if name not in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
            del os.environ[name]
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    os.environ["LC_ALL"] = "C.UTF-8"
    furnish()


def furnish():
    call(PROJECT / "install.sh", env=os.environ | {"BUILD": "/run/build"}, stdout=subprocess.DEVNULL)
    for name in ("Anna Rossi", "Carlo Neri", "Dario Costa", "Elsa Riva"):
        call("useradd", "--create-home", "--comment", name, "--shell", "/bin/sh", name.split()[0].lower())
    Path("/etc/aliases").write_text("root: admin@example.it\nlogcheck: root\npostmaster: root\n")
