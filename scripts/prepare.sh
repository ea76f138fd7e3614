# Sourced by the other scripts: installs what is missing (npm packages, Debian packages) and builds.

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Ends unless this is root, saying what to do.
require_root() {
  if ((EUID != 0)); then
    echo "Cannot run $1: it makes network namespaces and TUN devices, which takes root." >&2
    echo "Run it as root, for example: sudo ./scripts/$1" >&2
    exit 1
  fi
}

# Installs the Debian packages of the programs that are missing: PROGRAM=PACKAGE ...
require_programs() {
  local missing=() pair
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null 2>&1 || missing+=("${pair#*=}")
  done
  ((${#missing[@]})) || return 0
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "Cannot go on: these packages are missing and there is no apt-get: ${missing[*]}" >&2
    exit 1
  fi
  echo "Installing Debian packages: ${missing[*]}"
  DEBIAN_FRONTEND=noninteractive apt-get -qq update >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
    "${missing[@]}" >/dev/null
}

# Ends unless the Node.js on the path is one that p6n runs on.
require_node() {
  if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number);
                process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then
    echo "Cannot go on: p6n needs Node.js 20.19 or newer, with npm." >&2
    exit 1
  fi
}

# Installs the npm packages when they are not those of the lock file, and compiles.
build() {
  require_node
  local stamp=node_modules/.package-lock.json
  if [[ ! -f $stamp || package-lock.json -nt $stamp ]]; then
    echo "Installing npm packages"
    npm ci --no-audit --no-fund --loglevel=error
    touch "$stamp"
  fi
  node_modules/.bin/tsc
}
