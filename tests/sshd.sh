# An SSH server for the tests of datastores: the machine's, else Debian's, unpacked into $1 so that no service starts.
[ -x /usr/sbin/sshd ] || [ -x "$1/usr/sbin/sshd" ] && exit 0
command -v apt-get >/dev/null || { echo "The tests need OpenSSH's sshd and sftp-server. Install them."; exit 1; }
echo "Fetching OpenSSH's server for the tests of datastores"
if [ "$(id -u)" = 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssh-client libwrap0 >/dev/null || exit 1
fi
mkdir -p "$1" && cd "$1" || exit 1
apt-get download -qq openssh-server openssh-sftp-server || exit 1
for package in *.deb; do
  dpkg-deb -x "$package" . && rm "$package"
done
