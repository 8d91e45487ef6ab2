#!/usr/bin/env bash
# installed.sh BUILD SOURCE: installs BUILD into a prefix below itself and works with nothing but that: writes a
# plugin of each kind, builds and tests it, installs it, loads, upgrades and unloads it in the installed
# broker; then does the same with a copy of the examples. Ends with `ok`, or with what failed.
set -euo pipefail

build=$1 source=$2
# Always the same place: the second time ccache has seen it all. Sockets need short paths.
work=$build/sdk-installed
prefix=$work/prefix
run=$(mktemp -d)
broker=
cleanup() {
  [[ -n $broker ]] && kill "$broker" 2>/dev/null && wait "$broker" 2>/dev/null
  rm -rf "$work" "$run"
}
trap cleanup EXIT
rm -rf "$work"
mkdir -p "$work"

say() { printf '== %s\n' "$*"; }
die() {
  printf 'FAILED: %s\n' "$*"
  exit 1
}

# quietly COMMAND...: its output only when it fails.
quietly() {
  "$@" >"$work/output" 2>&1 || {
    cat "$work/output"
    die "$*"
  }
}

# Only where the compilers are; rustc may live elsewhere.
rust=$(command -v rustc || true)
export PATH=$prefix/bin:/usr/local/bin:/usr/bin:/bin${rust:+:$(dirname "$rust")}
export CMAKE_GENERATOR=Ninja  # what building Keel needs anyway; make may not be there
unset CC CXX CFLAGS CXXFLAGS LDFLAGS DESTDIR KEEL_CTL_SOCKET
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_NOHASHDIR=1
fi

# make PROJECT [cmake's arguments]: configures, builds and tests it.
make() {
  local project=$1
  shift
  quietly cmake -S "$project" -B "$project/build" -DCMAKE_PREFIX_PATH="$prefix" "$@"
  quietly cmake --build "$project/build" -j 2
  quietly ctest --test-dir "$project/build" -j 2 --output-on-failure --no-tests=error
  sed -n 's/^100% tests passed.*out of /   tests passed: /p' "$work/output"
}

ctl() { quietly "$prefix/bin/ctl" --socket "$run/ctl.sock" "$@"; }

start_broker() {
  "$prefix/bin/keel" -c "$prefix/etc/keel/keel.conf" --set "listener.mqtt.bind=unix:$run/mqtt.sock" \
    --set "kernel.data_dir=$run" \
    >"$work/broker.log" 2>&1 &
  broker=$!
  until [[ -S $run/ctl.sock ]]; do
    kill -0 "$broker" 2>/dev/null || die "the installed broker did not start: $(cat "$work/broker.log")"
    read -rt 0.05 <> <(:) || true
  done
}

mapped() { grep -c "/run/$1-" "/proc/$broker/maps" || true; }

say "install"
quietly cmake --install "$build" --prefix "$prefix"
[[ -x $prefix/bin/plugin_check && -e $prefix/share/keel/templates ]] || die "the SDK is not complete"
if grep -rl "$source" "$prefix/lib/cmake" "$prefix/include" "$prefix/share/keel"; then
  die "these name the source tree"
fi

for kind in hook gateway auth ctl; do
  say "ctl plugins new my_$kind --kind $kind"
  quietly "$prefix/bin/ctl" plugins new "my_$kind" --kind "$kind" --dir "$work/my_$kind"
  make "$work/my_$kind"
  quietly cmake --install "$work/my_$kind/build"
  [[ -f $prefix/lib/keel/plugins/my_$kind.so ]] || die "my_$kind.so is not beside the broker's plugins"
  [[ -f $prefix/etc/keel/plugins/my_$kind.conf ]] || die "my_$kind.conf is not beside keel.conf"
done

if command -v clang++ >/dev/null; then
  say "the same plugin made with clang"
  quietly cmake -S "$work/my_gateway" -B "$work/clang" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER=clang++
  quietly cmake --build "$work/clang" --target my_gateway
  quietly ctest --test-dir "$work/clang" -R 'check$' --output-on-failure --no-tests=error
fi

say "load, upgrade, unload"
# The gateway's address in the settings is that of nobody else.
sed -i 's/^address *=.*/address = "127.0.0.1:0"/' "$prefix/etc/keel/plugins/my_gateway.conf"
start_broker
for kind in hook gateway ctl auth; do ctl plugins load "my_$kind" --once; done
(($(mapped my_gateway) > 0)) || die "the gateway is not loaded"
sed -i 's/VERSION 0\.1\.0/VERSION 0.2.0/' "$work/my_gateway/CMakeLists.txt"
quietly cmake --build "$work/my_gateway/build" -j 2
ctl plugins upgrade my_gateway "$work/my_gateway/build/plugins/my_gateway.so"
ctl plugins list
grep -q 'my_gateway.*0\.2\.0' "$work/output" || die "0.2.0 does not run: $(cat "$work/output")"
for kind in auth ctl gateway hook; do
  ctl plugins unload "my_$kind"
  (($(mapped "my_$kind") == 0)) || die "my_$kind is still in the broker's memory map"
done
kill "$broker"
wait "$broker" || die "the broker ended with $?: $(tail -5 "$work/broker.log")"
broker=

say "examples"
cp -r "$source/sdk/examples" "$work/examples"
make "$work/examples"

say "ok"
