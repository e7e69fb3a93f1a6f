#!/bin/sh
# Installs orsino: see usage below. POSIX sh.
set -eu
cd "$(dirname "$0")"

prefix=/usr/local
destdir=
action=install
links=yes
service=
group=orsino
spool=/var/spool/orsino

usage() {
    cat <<'TEXT'
usage: ./install.sh [--prefix DIR] [--destdir DIR] [--no-sendmail] [--no-group] [--service SYSTEM]
                                                    build and install
       ./install.sh --uninstall [the same]          take it away again
       ./install.sh --deps                          install what testing needs
  --prefix DIR     where bin and share/man are, /usr/local unless given
  --destdir DIR    put everything below DIR, as packages are built; nothing outside it is touched
  --no-sendmail    do not take over /usr/sbin/sendmail, /usr/lib/sendmail, /usr/bin/mailq and
                   /usr/bin/newaliases
  --no-group       one user sends, or a container: no group orsino, no set-group-ID bit, no queue below /var/spool
  --service SYSTEM also put in place what systemd, openrc or procd (OpenWrt) needs to start the relay and to try
                   the queue again, or with cron the line for the queue alone
What building needs is installed first, when it is missing and this is root.
As root the program is set-group-ID to the group orsino, which is made when there is none. The group alone may read
/etc/orsino.ini and write the queue, /var/spool/orsino: so every user can send, and none can read the password.
Another program's sendmail is kept aside and put back by --uninstall. /etc/orsino.ini is made when there is
none; an existing one is never changed or removed. Who is not root gets ~/.config/orsino/orsino.ini instead.
TEXT
}

say() { printf '%s\n' "$*"; }
die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }

# What building needs, and what testing does besides: a command or file that shows it is there, then its package by manager.
# (:HEADER is looked for below /usr/include, %MODULE in the system's Python, ~LIBRARY asked of the linker; - where the
# distribution has no package: then the tests that need it are skipped.)
needs_to_build='
cc            gcc              gcc              gcc              gcc
make          make             make             make             make
:stdlib.h     libc6-dev        musl-dev         glibc-devel      glibc
:bearssl.h    libbearssl-dev   bearssl-dev      bearssl-devel    bearssl
:iniparser    libiniparser-dev iniparser-dev    iniparser-devel  iniparser
'
needs_to_test='
:cmocka.h     libcmocka-dev    cmocka-dev       libcmocka-devel  cmocka
/usr/bin/python3 python3       python3          python3          python
%pytest       python3-pytest   py3-pytest       python3-pytest   python-pytest
%aiosmtpd     python3-aiosmtpd py3-aiosmtpd     python3-aiosmtpd python-aiosmtpd
%trustme      python3-trustme  py3-trustme      python3-trustme  python-trustme
openssl       openssl          openssl          openssl          openssl
dnsmasq        dnsmasq-base     dnsmasq          dnsmasq          dnsmasq
postfix       postfix          postfix          postfix          postfix
doveconf      dovecot-core     dovecot          dovecot          dovecot
mandoc        mandoc           mandoc           mandoc           mandoc
shellcheck    shellcheck       shellcheck       ShellCheck       shellcheck
cppcheck      cppcheck         cppcheck         cppcheck         cppcheck
clang         clang            clang            clang            clang
clang-format  clang-format     clang-extra-tools clang-tools-extra clang
~fuzzer       libclang-rt-14-dev compiler-rt    compiler-rt      compiler-rt
ctags         universal-ctags  ctags            ctags            ctags
unshare       util-linux       util-linux-misc  util-linux       util-linux
ip            iproute2         iproute2         iproute          iproute2
valgrind      valgrind         valgrind         valgrind         valgrind
mono          mono-runtime     -                mono-core        mono
mcs           mono-mcs         -                mono-core        mono
'

is_there() {
    case $1 in
    :*) for dir in /usr/include /usr/local/include; do
            [ -e "$dir/${1#:}" ] || [ -e "$dir/iniparser/${1#:}.h" ] || [ -e "$dir/${1#:}.h" ] && return 0
        done
        return 1 ;;
    %*) /usr/bin/python3 -c "import ${1#%}" 2>/dev/null ;;
    ~*) file=$(clang -print-file-name=libclang_rt.fuzzer-"$(uname -m)".a 2>/dev/null) && [ -e "$file" ] && return 0
        file=$(clang -print-runtime-dir 2>/dev/null) && ls "$file"/libclang_rt.fuzzer* >/dev/null 2>&1 ;;
    *) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# The packages that are missing of the table $1, from its column $2.
missing_packages() {
    column=$2
    printf '%s' "$1" | while read -r sign packages; do
        [ -n "$sign" ] || continue
        is_there "$sign" && continue
        # shellcheck disable=SC2086 # the columns are words
        set -- $packages
        shift $((column - 1))
        [ "$1" = - ] || printf '%s ' "$1"
    done
}

manager() {
    for tool in apt-get apk dnf pacman; do
        command -v "$tool" >/dev/null 2>&1 && { echo "$tool"; return; }
    done
    echo none
}

install_packages() {
    case $1 in
    apt-get)
        shift
        # Without this, Postfix asks a question, then starts a mail server on port 25.
        case " $* " in *' postfix '*)
            echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections ;;
        esac
        apt-get -q update
        DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@" ;;
    apk) shift; apk add "$@" ;;
    dnf) shift; dnf -y install "$@" ;;
    pacman) shift; pacman -S --needed --noconfirm "$@" ;;
    esac
}

install_deps() {
    needs=$1
    tool=$(manager)
    column=1
    case $tool in apk) column=2 ;; dnf) column=3 ;; pacman) column=4 ;; esac
    missing=$(missing_packages "$needs" "$column")
    [ -n "$missing" ] || return 0
    [ "$tool" != none ] || die "please install what Debian calls: $missing"
    [ "$(id -u)" = 0 ] || die "missing: $missing
as root this script installs them"
    say "installing: $missing"
    # shellcheck disable=SC2086 # a list of words
    install_packages "$tool" $missing
    missing=$(missing_packages "$needs" "$column")
    [ -z "$missing" ] || die "still missing after the installation: $missing"
}

links_of_sendmail='/usr/sbin/sendmail /usr/lib/sendmail /usr/bin/mailq /usr/bin/newaliases'

is_orsino() { case $(readlink "$1") in */bin/orsino) ;; *) return 1 ;; esac }
is_ours() { [ -L "$1" ] && [ "$(readlink "$1")" = "$prefix/bin/orsino" ]; }
has_diversions() { [ -z "$destdir" ] && command -v dpkg-divert >/dev/null 2>&1; }

# Another program's file is moved aside, and on Debian stays so when its package is upgraded.
put_aside() {
    if has_diversions; then
        dpkg-divert --quiet --local --rename --divert "$1.before-orsino" --add "$1"
    elif [ -e "$1" ] || [ -L "$1" ]; then
        mv "$1" "$1.before-orsino"
    fi
}

put_back() {
    if has_diversions; then
        dpkg-divert --quiet --local --rename --divert "$1.before-orsino" --remove "$1"
    elif [ -e "$1.before-orsino" ] || [ -L "$1.before-orsino" ]; then
        mv "$1.before-orsino" "$1"
    fi
}

# The pages that a reader asks for by these names; another package's of the same prefix stay.
pages_of_sendmail='man1/mailq.1 man1/newaliases.1 man1/sendmail.1 man8/sendmail.8'
is_our_page() { [ "$(readlink "$1")" = ../man8/orsino.8 ]; }

install_pages() {
    for page in $pages_of_sendmail; do
        file=$destdir$prefix/share/man/$page
        [ ! -e "$file" ] || is_our_page "$file" || continue
        mkdir -p "$(dirname "$file")"
        ln -sf ../man8/orsino.8 "$file"
    done
}

remove_pages() {
    for page in $pages_of_sendmail; do
        ! is_our_page "$destdir$prefix/share/man/$page" || rm "$destdir$prefix/share/man/$page"
    done
}

install_links() {
    for link in $links_of_sendmail; do
        mkdir -p "$destdir$(dirname "$link")"
        # One of ours, with another prefix perhaps, must not take the place of what was put aside.
        is_orsino "$destdir$link" || put_aside "$destdir$link"
        ln -sf "$prefix/bin/orsino" "$destdir$link"
    done
}

remove_links() {
    for link in $links_of_sendmail; do
        is_ours "$destdir$link" || continue
        rm "$destdir$link"
        put_back "$destdir$link"
    done
}

# What starts the relay and tries the queue again, by the system that does; which are there is looked at on removal.
units='orsino.socket orsino@.service orsino.service orsino-queue.timer orsino-queue.service'
scripts='orsino orsino-queue'

# As $2, with the folder of the program in it.
put_service() {
    mkdir -p "$destdir$(dirname "$2")"
    sed "s,/usr/local/bin/,$prefix/bin/," "etc/$1" >"$destdir$2"
    chmod "$3" "$destdir$2"
}

install_service() {
    case $service in
    systemd)
        for unit in $units; do put_service "systemd/$unit" "/etc/systemd/system/$unit" 644; done
        say 'try the queue again by: systemctl enable --now orsino-queue.timer'
        say 'start the relay by one of: systemctl enable --now orsino.socket, or orsino.service' ;;
    openrc)
        for script in $scripts; do put_service "openrc/$script" "/etc/init.d/$script" 755; done
        say 'try the queue again by: rc-update add orsino-queue && rc-service orsino-queue start'
        say 'start the relay by: rc-update add orsino && rc-service orsino start' ;;
    procd)
        for script in $scripts; do put_service "procd/$script" "/etc/init.d/$script" 755; done
        say 'try the queue again by: service orsino-queue enable && service orsino-queue start'
        say 'start the relay by: service orsino enable && service orsino start' ;;
    cron)
        put_service cron.d/orsino-queue /etc/cron.d/orsino-queue 644
        say 'cron tries the queue again every five minutes: /etc/cron.d/orsino-queue' ;;
    esac
}

# Without a service: whether something tries the queue again must not be left open.
tell_of_the_queue() {
    [ -z "$destdir" ] && { [ -n "$group" ] || [ "$(id -u)" != 0 ]; } || return 0
    for file in systemd/system/orsino-queue.timer init.d/orsino-queue cron.d/orsino-queue; do
        [ ! -e "/etc/$file" ] || return 0
    done
    say 'what waits in the queue is not tried again by itself: give --service SYSTEM, or your crontab this line:'
    say "*/5 * * * * $prefix/bin/orsino queue run --due"
}

remove_services() {
    for unit in $units; do rm -f "$destdir/etc/systemd/system/$unit"; done
    for file in init.d/orsino init.d/orsino-queue cron.d/orsino-queue; do
        if grep -qs "^# orsino's " "$destdir/etc/$file"; then rm "$destdir/etc/$file"; fi
    done
}

# Whether the group is there; its number is asked of the system that builds, also for a staging folder.
group_is_there() {
    if command -v getent >/dev/null 2>&1; then getent group "$group" >/dev/null; else
        grep -q "^$group:" /etc/group
    fi
}

make_group() {
    if command -v groupadd >/dev/null 2>&1; then groupadd --system "$group"
    elif command -v addgroup >/dev/null 2>&1; then addgroup -S "$group"
    else die "no groupadd or addgroup here: make the group $group, or give --no-group"
    fi
}

# Leaves in $group the group to install for, "" for none. Where it cannot be given a staging folder's files, that is for
# the package to do.
settle_group() {
    wanted=$group
    [ "$(id -u)" = 0 ] || group=
    [ -n "$group" ] || return 0
    group_is_there && return
    if [ -z "$destdir" ]; then make_group; else group=; fi
}

# Root's and the group's, with the mode $1. The mode comes last: a new owner takes the set-group-ID bit away.
hand_over() {
    mode=$1
    shift
    chown "root:$group" "$@"
    chmod "$mode" "$@"
}

# Under another name first: there is no moment in which callers find no program, or one without its right.
install_program() {
    program=$destdir$prefix/bin/orsino
    install -m 755 "${BUILD:-build}/orsino" "$program.new"
    [ -z "$group" ] || hand_over 2755 "$program.new"
    mv -f "$program.new" "$program"
}

# Inside the spool the group could have put a link in the place of a folder: one that is there is only looked at.
install_spool() {
    mkdir -p "$destdir$spool"
    hand_over 2770 "$destdir$spool"
    for folder in new body queue failed; do
        folder=$destdir$spool/$folder
        if [ -d "$folder" ]; then
            [ -z "$(find "$folder" -prune \( ! -group "$group" -o ! -perm -2770 \))" ] ||
                say "$folder should be a folder of mode 2770, of the group $group"
        else
            mkdir "$folder"
            hand_over 2770 "$folder"
        fi
    done
}

# It will hold a password: for root and the group, or for one user.
install_ini() {
    if [ ! -e "$ini" ]; then
        mkdir -p "$(dirname "$ini")"
        install -m 600 etc/orsino.ini "$ini"
        [ -z "$group" ] || hand_over 640 "$ini"
    elif [ -n "$group" ] && [ -z "$(find -H "$ini" -prune \( -group "$group" -perm -040 -o -perm -004 \))" ]; then
        say "only root can send until the group may read $ini: chgrp $group $ini && chmod 640 $ini"
    fi
}

tell_packager() {
    say "the group $wanted could not be given anything below $destdir; so a package has to, when it is installed:"
    say "    groupadd --system $wanted"
    say "    chown root:$wanted $prefix/bin/orsino /etc/orsino.ini"
    say "    chmod 2755 $prefix/bin/orsino; chmod 640 /etc/orsino.ini"
    say "    cd $spool && chown root:$wanted . new body queue failed && chmod 2770 . new body queue failed"
}

build() {
    make all >/dev/null 2>&1 && return
    install_deps "$needs_to_build"
    make all >/dev/null || die 'it does not build'
}

next_step() {
    if [ -f "$ini" ] && ! cmp -s etc/orsino.ini "$ini"; then echo "; $ini is left as it is"
    else echo "; now run orsino setup, or fill in $ini, see orsino.ini(5)"
    fi
}

# The folder that is there of a path, whose rest is to be made.
existing_part() {
    part=$1
    while [ ! -e "$part" ] && [ "$part" != / ]; do part=$(dirname "$part"); done
    echo "$part"
}

do_install() {
    [ -w "$(existing_part "$destdir$prefix/bin")" ] ||
        die "$destdir$prefix/bin cannot be written: be root, or take --prefix \"\$HOME/.local\" --no-sendmail"
    # `make install` has built it already and says where.
    [ -n "${BUILD-}" ] || build
    settle_group
    mkdir -p "$destdir$prefix/bin" "$destdir$prefix/share/man/man5" "$destdir$prefix/share/man/man8"
    install_program
    install -m 644 man/orsino.8 "$destdir$prefix/share/man/man8/orsino.8"
    install -m 644 man/orsino.ini.5 man/orsino-queue.5 "$destdir$prefix/share/man/man5"
    install_ini
    [ "$links" = no ] || { install_links; install_pages; }
    if [ -n "$group" ]; then install_spool
    elif [ -n "$destdir" ] && [ -n "$wanted" ]; then
        for folder in new body queue failed; do mkdir -p "$destdir$spool/$folder"; done
        tell_packager
    fi
    if [ -n "$service" ]; then install_service; else tell_of_the_queue; fi
    say "installed $destdir$prefix/bin/orsino$(next_step)"
}

# Messages are left where they are.
remove_spool() {
    [ -d "$destdir$spool" ] || return 0
    if [ -n "$(find "$destdir$spool" ! -type d)" ]; then
        say "messages are left in $destdir$spool"
    else
        for folder in /new /body /queue /failed ''; do rmdir "$destdir$spool$folder" 2>/dev/null || :; done
    fi
}

do_uninstall() {
    [ "$links" = no ] || { remove_links; remove_pages; }
    remove_services
    rm -f "$destdir$prefix/bin/orsino" "$destdir$prefix/share/man/man8/orsino.8" \
        "$destdir$prefix/share/man/man5/orsino.ini.5" "$destdir$prefix/share/man/man5/orsino-queue.5"
    remove_spool
    say "removed orsino; $ini is left where it is"
    [ -n "$destdir" ] || ! group_is_there || say "so is the group $group"
}

while [ $# -gt 0 ]; do
    case $1 in
    --deps) action=deps ;;
    --uninstall) action=uninstall ;;
    --no-sendmail) links=no ;;
    --no-group) group= ;;
    --prefix | --destdir)
        [ $# -ge 2 ] || die "$1 needs a folder"
        if [ "$1" = --prefix ]; then prefix=${2%/}; else destdir=${2%/}; fi
        shift ;;
    --service)
        case ${2-} in systemd | openrc | procd | cron) service=$2 ;;
        *) die "--service takes systemd, openrc, procd or cron" ;;
        esac
        shift ;;
    --help | -h) usage; exit 0 ;;
    *) say "no option $1" >&2; usage >&2; exit 64 ;;
    esac
    shift
done

case $prefix in /*) ;; *) die "--prefix must begin with a slash" ;; esac
case $service:$group in
systemd: | openrc:) die "the services of $service run in the group orsino: no --no-group" ;;
esac
ini=$destdir/etc/orsino.ini
[ "$(id -u)" = 0 ] || [ -n "$destdir" ] || ini=${XDG_CONFIG_HOME:-$HOME/.config}/orsino/orsino.ini
case $action in
deps) install_deps "$needs_to_build$needs_to_test" ;;
install) do_install ;;
uninstall) do_uninstall ;;
esac
