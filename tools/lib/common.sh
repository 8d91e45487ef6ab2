# shellcheck shell=bash
# Shared by tools/run, tools/test and .ci/run; sourced, never run. Works from the repository's root.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

say() { printf '==> %s\n' "$*" >&2; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Prints the packages of the named lists (tools/packages/<list>.txt) that are not installed.
missing_packages() {
  local list
  local -a wanted=()
  for list in "$@"; do
    mapfile -t -O "${#wanted[@]}" wanted < <(sed '/^#/d; /^$/d' "tools/packages/$list.txt")
  done
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) \
    <(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "${wanted[@]}" 2>/dev/null |
      sed -n 's/^ii *//p' | sort -u)
}

# install_packages LIST...: asks apt only for what is missing, so a second call costs nothing.
install_packages() {
  local -a missing as_root=()
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: the packages of tools/packages/{$(IFS=, && echo "$*")}.txt are taken as installed"
    return
  fi
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} == 0)) && return
  local by_hand="apt-get install ${missing[*]}"
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      die "packages are missing, and installing them takes root or sudo. As root: $by_hand"
    as_root=(sudo)
  fi
  as_root+=(env DEBIAN_FRONTEND=noninteractive)
  say "installing ${missing[*]}"
  # stdout is kept for the tool's own output.
  "${as_root[@]}" apt-get update -q >&2 </dev/null ||
    say "apt-get update failed; trying with the package lists at hand"
  "${as_root[@]}" apt-get install -qy --no-install-recommends "${missing[@]}" >&2 </dev/null ||
    die "apt-get could not install the missing packages (no network, or no mirror in /etc/apt?). By hand: $by_hand"
}

# One compiler for each core, as long as each finds 900 MB of free memory.
jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable/ { print int($2 / 921600) }' /proc/meminfo)
  ((memory < 1)) && memory=1
  echo $((cores < memory ? cores : memory))
}

# configure PRESET [cmake's arguments]
configure() {
  local log
  log=$(cmake --preset "$@" 2>&1) || {
    printf '%s\n' "$log" >&2
    die "configuring '$1' failed; removing build/$1 and trying again starts afresh"
  }
}

# build PRESET TARGET...: brings the targets up to date.
build() {
  local preset=$1
  shift
  cmake --build "build/$preset" -j "$(jobs)" --target "$@" >&2 || die "building '$preset' failed"
}
