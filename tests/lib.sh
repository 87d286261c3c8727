# Sourced by `./test` and by the scripts that it calls, from the project's folder.

passed=0 failed=0 skipped=0
tools="$PWD/.tools"

heading() { printf '\n── %s ──\n' "$*"; }

# check NAME COMMAND...: runs a command and counts it; its output is shown only where it fails.
check() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    echo "ok   $name"
    passed=$((passed + 1))
  else
    echo "FAIL $name"
    printf '%s\n' "$output" | tail -n 40 | sed 's/^/     /'
    failed=$((failed + 1))
  fi
}

# skip NAME WHY: what can't be tested here. On CI that is a failure.
skip() {
  echo "skip $1: $2"
  if [ "${CI:-}" = true ]; then failed=$((failed + 1)); else skipped=$((skipped + 1)); fi
}

# need COMMAND PACKAGE: true if the command is there, or apt could be asked for it.
need() {
  command -v "$1" >/dev/null && return
  may_apt && apt_install "$2" >/dev/null 2>&1
  command -v "$1" >/dev/null
}

may_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

apt_install() {
  apt-get install -y --no-install-recommends "$@" ||
    { apt-get update && apt-get install -y --no-install-recommends "$@"; }
}

# The closing line of a part.
closing() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" = 0 ]
}

# The last closing line of a log, whatever was said after it; nothing where there is none.
closing_line() { grep -E '^[0-9]+ passed, [0-9]+ failed' "$1" | tail -n 1; }

# Adds the numbers of a closing line such as `3 passed, 1 failed` to ours; a line without any is a
# part that broke.
tally_from() {
  local ok bad left
  ok=$(grep -oE '[0-9]+ passed' <<<"$1" | grep -oE '[0-9]+')
  bad=$(grep -oE '[0-9]+ failed' <<<"$1" | grep -oE '[0-9]+')
  left=$(grep -oE '[0-9]+ skipped' <<<"$1" | grep -oE '[0-9]+')
  [ -n "$ok" ] || bad=$((${bad:-0} + 1))
  passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-0})) skipped=$((skipped + ${left:-0}))
}

# The `test result:` lines of a log as one closing line; nothing where there is none.
sum_of_cargo_test() {
  awk '/^test result:/ { ok += $4; bad += $6; seen = 1 }
    /^error/ { bad += 1; seen = 1 }
    END { if (seen) printf "%d passed, %d failed\n", ok, bad }' "$1"
}

# Builds the program as people run it in development, and names the binary.
build_durward() {
  cargo build --locked --quiet --bin durward || exit 1
  durward="$PWD/${CARGO_TARGET_DIR:-target}/debug/durward"
}

# Builds the server that the suite's scenarios need, and names the binary.
build_reference() {
  local target=${CARGO_TARGET_DIR:-$PWD/target}
  CARGO_TARGET_DIR=$target/reference cargo build --release --locked --quiet \
    --manifest-path tests/conformance/reference/Cargo.toml || exit 1
  reference=$target/reference/release/reference-upstream
}

# serve FOLDER OPTION...: starts the program on a free port with a state folder of its own below
# FOLDER; sets `url`, `key` and `served` (the process).
serve() {
  serve_with_key "$@"
  local key_file
  key_file=$(sed -n 's/.*"key_file": *"\([^"]*\)".*/\1/p' "$1/facts")
  [ -r "$key_file" ] || { cat "$1/log"; echo "durward made no key"; exit 1; }
  key=$(cat "$key_file")
}

# As `serve`, of one that has a key already.
serve_with_key() {
  local folder=$1
  shift
  mkdir -p "$folder/state"
  HOME=$folder XDG_CONFIG_HOME=$folder XDG_RUNTIME_DIR=$folder \
    "$durward" serve --json --listen 127.0.0.1:0 --state "$folder/state" "$@" \
    >"$folder/facts" 2>"$folder/log" &
  served=$!
  for _ in $(seq 100); do
    [ -s "$folder/facts" ] && break
    sleep 0.1
  done
  url=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' "$folder/facts")
  [ -n "$url" ] || { cat "$folder/log"; echo "durward did not start"; exit 1; }
}
