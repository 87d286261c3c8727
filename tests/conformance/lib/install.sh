# Sourced by `suite`, `suite-client` and by `tests/clients/run`: sets NODE and CONFORMANCE, installing what is missing.
# Everything goes under $CONFORMANCE_HOME; nothing but the npm registry is used.

: "${CONFORMANCE_HOME:=${XDG_CACHE_HOME:-$HOME/.cache}/mcp-conformance}"
readonly NODE_VERSION=22.23.3 # the suite needs 22 or newer

fail() {
  echo "${0##*/}: $*" >&2
  exit 2
}

# npm, told to be quiet about everything but errors.
quiet_npm() {
  npm --loglevel=error --no-audit --no-fund --no-update-notifier "$@" >&2
}

# Where the machine's own Node is too old, the one from npm serves instead.
find_node() {
  local major
  major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) || major=0
  if [ "$major" -ge 22 ]; then
    NODE=$(command -v node)
    return
  fi
  local platform="linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')"
  local folder="$CONFORMANCE_HOME/node-$NODE_VERSION"
  NODE="$folder/node_modules/node-$platform/bin/node"
  [ -x "$NODE" ] && return
  [ "$(uname -s)" = Linux ] || fail "Node 22 or newer is needed"
  mkdir -p "$folder"
  quiet_npm --prefix "$folder" install --ignore-scripts --no-save "node-$platform@$NODE_VERSION" ||
    fail "Node $NODE_VERSION could not be installed"
}

# install_suite VERSION
install_suite() {
  command -v npm >/dev/null || fail "npm is needed"
  find_node
  local locked="$HERE/lib/$1" folder="$CONFORMANCE_HOME/suite-$1"
  [ -d "$locked" ] || fail "no such version of the suite here: $1"
  CONFORMANCE="$folder/node_modules/@modelcontextprotocol/conformance/dist/index.js"
  if ! cmp -s "$locked/package-lock.json" "$folder/installed.json" || [ ! -f "$CONFORMANCE" ]; then
    mkdir -p "$folder"
    cp "$locked/package.json" "$locked/package-lock.json" "$folder/"
    quiet_npm --prefix "$folder" ci --ignore-scripts || fail "the suite could not be installed"
    cp "$locked/package-lock.json" "$folder/installed.json"
  fi
}
