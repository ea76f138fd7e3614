#!/usr/bin/env bash
# `npm run check`: format, lint, types and house tests, in seconds. Prints what is wrong and exits
# with 1.
set -euo pipefail
cd "$(dirname "$0")/.."
node_modules/.bin/biome check --error-on-warnings
node_modules/.bin/tsc
mapfile -t house < <(find dist/test/house -name '*.test.js' | sort)
node --test --test-reporter=spec "${house[@]}"
