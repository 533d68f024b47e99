#!/bin/sh
# Installs what the browser tests need: Chromium where there is none, and
# axe-core into an ignored folder beside this file.
set -eu
cd "$(dirname "$0")"

AXE=4.10.3

if ! command -v chromium >/dev/null 2>&1 && ! command -v chromium-browser >/dev/null 2>&1 &&
	! command -v google-chrome >/dev/null 2>&1; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
		echo "error: no Chromium found" >&2
		echo "hint: install chromium with the system's package manager, then try again" >&2
		exit 1
	fi
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
fi

if [ ! -f node_modules/axe-core/axe.min.js ]; then
	npm install --silent --no-save --no-package-lock --no-audit --no-fund --prefix . "axe-core@$AXE"
fi
