#!/usr/bin/env bash
# Sees to it that the programs the tests need are there.
#
#   debian_packages.sh PACKAGE...
#
# As root on Debian it installs what is missing, without starting any service. Otherwise it says on
# standard error which packages to install. Names of what is still missing go to standard output, so
# that the caller can leave out, loudly, the tests that need them (tests/conftest.py).
set -euo pipefail

program_of() {
  case "$1" in
    prometheus-alertmanager) echo "prometheus-alertmanager amtool" ;;
    prometheus) echo "prometheus promtool" ;;
    etcd-server) echo "etcd" ;;
    *) echo "$1" ;;
  esac
}

is_there() {
  local program
  # A library has no program: the loader knows it.
  if [ "$1" = libatomic1 ]; then
    [[ "$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p)" == *libatomic.so.1\ * ]]
    return
  fi
  for program in $(program_of "$1"); do
    # Debian puts daemons into /usr/sbin, which is not on everybody's PATH.
    PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null || return 1
  done
}

missing() {
  local package
  for package in "$@"; do
    is_there "$package" || printf '%s ' "$package"
  done
}

install() {
  echo "debian packages: installing $* (no service is started)" >&2
  # A policy of our own keeps services from starting; it is taken away again, and where the
  # machine has one already, that one is left alone.
  local policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  apt-get update --quiet --quiet >&2
  apt-get install --yes --quiet --quiet --no-install-recommends "$@" >&2
}

wanted=$(missing "$@")
if [ -n "$wanted" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  # shellcheck disable=SC2086  # a list of words on purpose
  install $wanted || echo "debian packages: apt-get could not install: $wanted" >&2
  wanted=$(missing "$@")
fi
if [ -n "$wanted" ]; then
  cat >&2 <<TEXT
debian packages: MISSING: $wanted
  Tests that need them are left out. To run them, install as root:
    apt-get install --no-install-recommends $wanted
TEXT
fi
printf '%s' "${wanted% }"
