#!/usr/bin/env bash
# The one entrance: sets up, builds, serves, tests and measures Findling. Owns the verbs; the work is in scripts/.
# Invariant: every verb brings what it needs up to date first, so each works from a clean clone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'TEXT'
usage: ./build.sh [VERB] [OPTIONS]

  setup                 install the tools and packages that are missing into this folder
  build                 build the site into dist/ and the Python package into .venv (default)
  serve [--port N]      build, then serve dist/ on http://127.0.0.1:8000/
  test [NAME...]        build, then run every check and test suite, or those of these names ("rust core", python, browser);
                        a name that does not exist prints those that do
  bench [NAME...]       build, then measure: embed accuracy vector tokens boot keystroke import size memory emoji relevance static
                        lexical hostile; on demand remote (a part of static), million
  clean [--all]         remove what was built; with --all also what was downloaded and installed

  --dev                 with build, serve: compile quickly, optimise less
  --target web|bundler|nodejs
                        with build: the npm package with the engine, into pkg/
  --help                this text

bench reads collections from the folder FINDLING_DATA (default ../shared/corpora).
TEXT
}

fail() {
    echo "build.sh: $1" >&2
    exit 2
}

# The newest Python that is new enough; its version is checked by running it.
python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is missing: install it from https://www.python.org or with your package manager."
}

setup() {
    local interpreter
    interpreter=$(python) || exit
    "$interpreter" scripts/prepare.py "$@"
}

build() {
    .venv/bin/python scripts/build.py "$@"
}

verb=build
case ${1-} in
    '' | --dev | --target | --target=*) ;;
    -h | --help | help) usage; exit ;;
    *) verb=$1; shift ;;
esac
port=8000
flags=()
rest=()
while [ $# -gt 0 ]; do
    case $1 in
        --port) port=${2-}; shift ;;
        --port=*) port=${1#*=} ;;
        --target) flags+=(--target "${2-}"); shift ;;
        --dev | --target=*) flags+=("$1") ;;
        -h | --help) usage; exit ;;
        *) rest+=("$1") ;;
    esac
    shift || fail "an option lacks its value; see ./build.sh --help"
done
case $port in '' | *[!0-9]*) fail "--port needs a number" ;; esac
case $verb in test | bench | clean) ;; *) [ ${#rest[@]} -eq 0 ] || fail "unknown option ${rest[0]}; see ./build.sh --help" ;; esac

case $verb in
    setup) setup --browser --others --arm ;;
    build) setup && build ${flags[@]+"${flags[@]}"} ;;
    serve) setup && build ${flags[@]+"${flags[@]}"} && exec .venv/bin/findling serve dist --port "$port" ;;
    test) setup --browser --others --arm && build && exec .venv/bin/python scripts/check.py ${rest[@]+"${rest[@]}"} ;;
    bench) setup --browser && build && exec .venv/bin/python scripts/bench.py ${rest[@]+"${rest[@]}"} ;;
    clean)
        rm -rf dist pkg target .cache/engine .cache/model .cache/pyodide .cache/demo py/findling/_native*.so
        [ "${rest[*]-}" != --all ] || rm -rf .cache .venv .tools node_modules
        ;;
    *) fail "unknown verb $verb; see ./build.sh --help" ;;
esac
