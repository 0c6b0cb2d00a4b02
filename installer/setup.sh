# Set-up shared by installer/quickstart and tests/run, which source it: Debian packages, .venv, the project in it.
# shellcheck shell=bash
#
# Works in bash 3.2 and later, as root and as an ordinary user, with and without a terminal. The caller stands
# at the top of the tree. What is there already is left as it is: a second run changes nothing and asks nobody.

VENV=.venv

# What Qt needs to start, found in a Debian 12 root with nothing else in it. "a|b" means that either will do:
# libraries got new names when 32-bit time_t ended (Debian 13, Ubuntu 24.04).
QT_PACKAGES="libgl1 libegl1 libxkbcommon0 libfontconfig1 libdbus-1-3 libglib2.0-0t64|libglib2.0-0
    fonts-dejavu-core|fonts-noto-core|fonts-liberation"
# In addition on an X display; the other xcb libraries come as dependencies of these.
X11_PACKAGES="libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0"
# In addition on a Wayland display.
WAYLAND_PACKAGES="libwayland-cursor0 libwayland-egl1"

stop_with() {
    printf '%s\n' "$@" >&2
    exit 1
}

# --- Python -----------------------------------------------------------------------------------------------------

python_is_new_enough() {
    "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# The interpreter runs and can install: a set-up that was interrupted half-way fails this.
venv_works() {
    python_is_new_enough "$VENV/bin/python" && "$VENV/bin/python" -c 'import pip' >/dev/null 2>&1
}

# Prints the first Python that can make a .venv, else the first that could with its -venv package, else nothing.
find_python() {
    local name without_venv=
    for name in python3 python3.13 python3.12 python3.11; do
        python_is_new_enough "$name" || continue
        if "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            echo "$name"
            return
        fi
        without_venv=${without_venv:-$name}
    done
    echo "$without_venv"
}

# Prints the entries that package_name turns into what Python still lacks here.
python_packages() {
    local python
    venv_works && return
    python=$(find_python)
    if [ -z "$python" ]; then
        echo "@python"
    elif ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        "$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
    fi
}

# --- Debian packages --------------------------------------------------------------------------------------------

packages_missing() { # ENTRY...: prints those of which no alternative is installed
    local entry name installed
    # dpkg-query fails for each name that it has never heard of: that is an answer too.
    # shellcheck disable=SC2016,SC2086
    installed=" $(dpkg-query -W -f '${Package} ${db:Status-Status}\n' ${*//|/ } 2>/dev/null |
        awk '$2 == "installed" { print $1 }' | tr '\n' ' ' || true)"
    for entry in "$@"; do
        for name in ${entry//|/ }; do
            case $installed in *" $name "*) continue 2 ;; esac
        done
        echo "$entry"
    done
}

apt_version() { # PACKAGE: prints the version that apt would install, or nothing
    apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }'
}

package_name() { # ENTRY: prints the package to install for it here
    local name version
    if [ "$1" = @python ]; then
        for name in python3 python3.13 python3.12 python3.11; do
            version=$(apt_version "$name")
            if [ -n "$version" ] && dpkg --compare-versions "$version" ge 3.11; then
                echo "$name $name-venv"
                return
            fi
        done
        echo "python3.11 python3.11-venv"
        return
    fi
    for name in ${1//|/ }; do
        if [ -n "$(apt_version "$name")" ]; then
            echo "$name"
            return
        fi
    done
    # apt's lists are empty: the names of what is installed tell which side of the renaming this system is on.
    name=${1%%|*}
    case $name in
        *t64) dpkg-query -W '*t64' >/dev/null 2>&1 || name=${1##*|} ;;
    esac
    echo "$name"
}

# Sets SUDO to what must stand before apt-get, or fails when packages cannot be installed from here.
find_way_to_root() {
    SUDO=
    [ "$(id -u)" -eq 0 ] && return
    command -v sudo >/dev/null 2>&1 || return 1
    SUDO=sudo
    sudo -n true >/dev/null 2>&1 && return
    [ -t 0 ] && [ -t 2 ] && [ -z "${CI:-}" ] # somebody is there who can type a password
}

install_packages() { # ENTRY...: installs what is missing, or says what to install and stops
    local entries names entry
    if ! command -v dpkg-query >/dev/null 2>&1; then
        case " $(python_packages) " in
            *@python*) stop_with "Python 3.11 or newer is needed and was not found. Install it, then run this again." ;;
        esac
        [ $# -eq 0 ] || echo "This system does not use Debian packages; what these hold is expected to be there: $*"
        return
    fi
    # shellcheck disable=SC2046
    entries=$({ [ $# -eq 0 ] || packages_missing "$@"; python_packages; })
    if [ -z "$entries" ]; then
        echo "All system packages are there."
        return
    fi
    if find_way_to_root; then
        echo "Asking apt for its newest lists."
        $SUDO apt-get update -q </dev/null || echo "The lists could not be refreshed; going on with those at hand."
    fi
    names=$(for entry in $entries; do package_name "$entry"; done | tr '\n' ' ')
    names=${names% }
    if ! find_way_to_root; then
        set -- "System packages are missing, and installing them needs root. Run this, then try again:" "" \
            "    sudo apt-get install $names"
        case " $names " in
            *" etcd-server "*) set -- "$@" "    sudo systemctl disable --now etcd    # only the program is needed" ;;
        esac
        stop_with "$@" ""
    fi
    echo "Installing: $names"
    local others=" $names "
    case $others in
        *" etcd-server "*)
            others=${others/ etcd-server / }
            install_without_service etcd-server etcd || exit 1
            ;;
    esac
    # shellcheck disable=SC2086
    [ -z "${others// /}" ] || apt_install $others
}

apt_install() { # PACKAGE...
    $SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        -o DPkg::Lock::Timeout=120 "$@" </dev/null || stop_with "apt-get could not install: $*"
}

# Installs a package for its program alone: the service that Debian starts and enables with it stays off.
# A subshell, so that the policy goes in any case: while it is there no package starts its service.
install_without_service() ( # PACKAGE SERVICE
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap '$SUDO rm -f "$policy"' EXIT
        trap 'exit 130' HUP INT TERM
        printf '#!/bin/sh\nexit 101\n' | $SUDO tee "$policy" >/dev/null
        $SUDO chmod 755 "$policy"
    fi
    apt_install "$1"
    # With neither systemd nor its tools the boot scripts alone would start it.
    $SUDO systemctl disable --quiet "$2" 2>/dev/null || $SUDO update-rc.d "$2" disable >/dev/null 2>&1 || true
)

# --- .venv ------------------------------------------------------------------------------------------------------

make_venv() {
    local python
    if venv_works; then
        echo "$VENV is there."
        return
    fi
    python=$(find_python)
    [ -n "$python" ] || stop_with "Python 3.11 or newer is needed and was not found. Install it, then run this again."
    [ -w . ] || stop_with "$(id -un) may not write in $PWD, where $VENV is to be made."
    if [ -e "$VENV" ] && ! python_is_new_enough "$VENV/bin/python"; then
        echo "The Python of $VENV does not run or is older than 3.11: making $VENV again."
        "$python" -m venv --clear "$VENV"
    else
        echo "Making $VENV with $("$python" --version)."
        "$python" -m venv "$VENV"
    fi
}

# What an installation depends on. The path is part of it: an editable installation points to its tree.
venv_fingerprint() {
    "$VENV/bin/python" -c 'import hashlib, pathlib, sys
print(hashlib.sha256(pathlib.Path("pyproject.toml").read_bytes()).hexdigest(), sys.version.split()[0], pathlib.Path.cwd())'
}

venv_has() { # EXTRA: this extra was installed from the pyproject.toml of now
    [ "$(cat "$VENV/installed-$1" 2>/dev/null)" = "$(venv_fingerprint)" ]
}

install_project() { # EXTRA, desktop or dev; dev holds all of desktop
    if venv_has dev || venv_has "$1"; then
        echo "Cluster Administrator is installed in $VENV, with its dependencies."
        return
    fi
    echo "Installing Cluster Administrator and its dependencies (extra: $1). The first time, this downloads about 120 MB."
    local quiet=-q
    [ -t 1 ] && quiet=
    rm -f "$VENV/installed-$1"
    # shellcheck disable=SC2086
    "$VENV/bin/python" -m pip install $quiet --no-input --disable-pip-version-check --editable ".[$1]" </dev/null ||
        stop_with "pip could not install the dependencies; its own message is above. Nothing else was changed."
    venv_fingerprint >"$VENV/installed-$1"
}

# Two runs at once must not install into the same .venv. The lock is pyproject.toml itself: no file is left over.
lock_tree() {
    exec 9<pyproject.toml
    if command -v flock >/dev/null 2>&1 && ! flock -n 9; then
        echo "Another set-up is running in this tree; waiting for it."
        flock 9
    fi
}

unlock_tree() {
    exec 9<&-
}
