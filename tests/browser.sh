# A browser for the journeys: Chromium's headless shell from Debian, else Chromium, else Playwright's own. $1 is the Python with
# playwright. The shell has no windows, tabs and extensions to look after, which cost Chromium a tenth of a core.
found() { command -v "$1" >/dev/null; }
found chromium-headless-shell && exit 0
if [ "$(id -u)" = 0 ] && found apt-get; then
  echo "Installing Chromium's headless shell for the browser journeys"
  apt-get update -qq
  for package in chromium-headless-shell chromium; do
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null && exit 0
  done
fi
found chromium || found google-chrome && exit 0
exec "$1" -m playwright install --only-shell chromium
