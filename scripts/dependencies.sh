#!/usr/bin/env bash
# Installs what is missing on a Debian machine: PostgreSQL with its headers, a C
# compiler, make. Go is expected to be there. Does nothing where all is there.
set -euo pipefail

missing=()
bindir=$("${PG_CONFIG:-pg_config}" --bindir 2>/dev/null || true)
include=$("${PG_CONFIG:-pg_config}" --includedir-server 2>/dev/null || true)
if [ -z "$bindir" ] || [ ! -x "$bindir/postgres" ] || [ ! -x "$bindir/initdb" ]; then
	missing+=(postgresql)
fi
if [ -z "$include" ] || [ ! -f "$include/postgres.h" ]; then
	missing+=(postgresql-server-dev-all)
fi
command -v gcc >/dev/null || missing+=(gcc libc6-dev)
command -v make >/dev/null || missing+=(make)

if ! command -v go >/dev/null && ! command -v "${GO:-go}" >/dev/null; then
	echo "Go is missing: see https://go.dev/doc/install" >&2
	exit 1
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "missing: ${missing[*]}; this is not Debian, so please install them by hand" >&2
	exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "missing: ${missing[*]}; run as root, or with sudo installed" >&2
		exit 1
	fi
	as_root=(sudo)
fi
echo "installing ${missing[*]}"
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update -qq &&
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	exit 1
fi
rm -f "$log"
