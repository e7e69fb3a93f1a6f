"""install.sh: what it puts where, and that it takes back what it did, without touching this machine's own files."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINKS = ["usr/bin/mailq", "usr/bin/newaliases", "usr/lib/sendmail", "usr/sbin/sendmail"]
FILES = ["usr/local/bin/orsino", "usr/local/share/man/man5/orsino.ini.5", "usr/local/share/man/man8/orsino.8"]

# Runs install.sh over a copy of this machine that is only there for it, with another sendmail in place.
OVER_A_COPY = """
set -eu
top=$1
for dir in usr etc var; do
    mkdir -p "$top/$dir/upper" "$top/$dir/work"
    mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$top/$dir/upper,workdir=$top/$dir/work" "/$dir"
done
rm -f /usr/sbin/sendmail /usr/lib/sendmail /usr/bin/mailq /usr/bin/newaliases /etc/orsino.ini
printf 'another program\\n' >/usr/sbin/sendmail
ln -s ../sbin/sendmail /usr/lib/sendmail
./install.sh --prefix /opt/orsino >/dev/null
./install.sh >/dev/null
./install.sh >/dev/null
readlink /usr/sbin/sendmail /usr/lib/sendmail /usr/bin/mailq /usr/bin/newaliases
stat -c '%a %n' /etc/orsino.ini
/usr/sbin/sendmail -q && echo 'runs as sendmail'
echo '# mine' >/etc/orsino.ini
./install.sh --uninstall >/dev/null
cat /usr/sbin/sendmail /etc/orsino.ini
readlink /usr/lib/sendmail
ls /usr/bin/mailq /usr/bin/newaliases /usr/local/bin/orsino /usr/sbin/sendmail.before-orsino 2>/dev/null || echo 'the rest is gone'
command -v dpkg-divert >/dev/null && dpkg-divert --list '*orsino*'
exit 0
"""


def install(*words, environment=None):
    return subprocess.run([str(ROOT / "install.sh"), *words], capture_output=True, text=True, env=environment)


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def test_a_staged_installation_has_these_files(tmp_path):
    assert install("--destdir", str(tmp_path)).returncode == 0
    assert listing(tmp_path) == sorted(["etc/orsino.ini", *LINKS, *FILES])
    assert {str((tmp_path / link).readlink()) for link in LINKS} == {"/usr/local/bin/orsino"}
    assert (tmp_path / "etc/orsino.ini").stat().st_mode & 0o777 == 0o600


def test_a_staged_installation_without_links_and_with_a_prefix(tmp_path):
    assert install("--destdir", str(tmp_path), "--prefix", "/opt/orsino", "--no-sendmail").returncode == 0
    assert "opt/orsino/bin/orsino" in listing(tmp_path)
    assert not set(LINKS) & set(listing(tmp_path))


def test_uninstall_leaves_the_configuration_only(tmp_path):
    install("--destdir", str(tmp_path))
    assert install("--uninstall", "--destdir", str(tmp_path)).returncode == 0
    assert listing(tmp_path) == ["etc/orsino.ini"]


def test_an_existing_configuration_and_another_sendmail_are_kept(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/orsino.ini").write_text("mine")
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/sendmail").write_text("another")
    install("--destdir", str(tmp_path))
    assert (tmp_path / "etc/orsino.ini").read_text() == "mine"
    assert (tmp_path / "usr/sbin/sendmail.before-orsino").read_text() == "another"
    install("--uninstall", "--destdir", str(tmp_path))
    assert (tmp_path / "usr/sbin/sendmail").read_text() == "another"


def test_another_prefix_later(tmp_path):
    """The links move on, and what was put aside at first is what comes back."""
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/sendmail").write_text("another")
    assert install("--destdir", str(tmp_path)).returncode == 0
    assert install("--destdir", str(tmp_path), "--prefix", "/opt/orsino").returncode == 0
    assert {str((tmp_path / link).readlink()) for link in LINKS} == {"/opt/orsino/bin/orsino"}
    install("--uninstall", "--destdir", str(tmp_path), "--prefix", "/opt/orsino")
    assert (tmp_path / "usr/sbin/sendmail").read_text() == "another"
    assert not (tmp_path / "usr/sbin/sendmail.before-orsino").exists()


def test_over_a_whole_system(tmp_path):
    own = Path("/usr/sbin/sendmail")
    before = own.lstat().st_mtime if own.is_symlink() or own.exists() else None
    done = subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-c",
         f"mount -t tmpfs tmpfs {tmp_path} && exec sh -c '{OVER_A_COPY.replace(chr(39), chr(39) + chr(92) + chr(39) + chr(39))}' - {tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines[:4] == ["/usr/local/bin/orsino"] * 4
    assert lines[4:] == ["600 /etc/orsino.ini", "runs as sendmail", "another program", "# mine", "../sbin/sendmail",
                         "the rest is gone"]
    after = own.lstat().st_mtime if own.is_symlink() or own.exists() else None
    assert before == after


def test_usage():
    assert install("--nonsense").returncode == 64
    assert "usage:" in install("--help").stdout
