#!/bin/sh
# Make sure that the browser tests find a browser: $1 is the venv's python.
# tests/browser looks in the same order: chromium, chromium-browser, google-chrome, playwright's own.
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done
if [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ]; then
    exit 0
fi
if "$1" - <<'PY' 2>/dev/null
import os, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    sys.exit(not os.path.exists(p.chromium.executable_path))
PY
then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium from the system's packages ..."
    apt-get update -qq >/dev/null 2>&1
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 \
        && command -v chromium >/dev/null 2>&1; then
        exit 0
    fi
fi
echo "Downloading a browser with playwright ..."
if "$1" -m playwright install chromium >/dev/null 2>&1; then
    exit 0
fi
echo "No browser was found or could be installed, and the browser tests need one."
echo "Install Chrome or Chromium (Debian and Ubuntu: apt-get install chromium), then call make again."
exit 1
