#!/bin/sh
# Writes the shells' completions into a folder, for packages.
set -eu
dir=$1
mkdir -p "$dir"
for shell in bash zsh fish; do
	go run ./cmd/bulkdemerge completion "$shell" >"$dir/bulkdemerge.$shell"
done
