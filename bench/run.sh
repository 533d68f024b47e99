#!/bin/sh
# Measures bulkdemerge beside what people would use instead, and writes
# BENCHMARKS.md. -quick takes a tenth of everything, to .bench/BENCHMARKS.md.
set -eu
cd "$(dirname "$0")/.."
mkdir -p .bench/bin
go build -trimpath -o .bench/bin/bench ./bench/cmd
exec .bench/bin/bench "$@"
