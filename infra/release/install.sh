#!/bin/sh
# Installs culvert @VERSION@ for Linux. Run with --help for the options.
set -eu

usage() {
  cat <<'END'
Installs the culvert command for Linux on x64 and arm64.

  sh install.sh [options]

  --dir DIR         folder of the program (default: ~/.local/bin)
  --version VERSION version to install (default: @VERSION@)
  --base-url URL    folder of the downloads (default: @DOWNLOADS@)
END
}

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit 1
}

# Prints the name of this platform in the names of downloads.
platform() {
  system=$(uname -s)
  [ "$system" = Linux ] || fail "there is no program for $system: run \"npm install --global culvert\", which needs Node"
  case $(uname -m) in
    x86_64 | amd64) printf 'linux-x64' ;;
    aarch64 | arm64) printf 'linux-arm64' ;;
    *) fail "there is no program for $(uname -m): run \"npm install --global culvert\", which needs Node" ;;
  esac
}

# download URL FILE
download() {
  if command -v curl >/dev/null 2>&1; then
    curl --fail --silent --show-error --location --retry 2 --output "$2" "$1" || fail "cannot download $1"
  elif command -v wget >/dev/null 2>&1; then
    wget --quiet --output-document="$2" "$1" || fail "cannot download $1"
  else
    fail 'curl or wget is needed'
  fi
}

# Prints the SHA-256 of a file.
checksum() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 "$1" | cut -d ' ' -f 1
  else
    fail 'sha256sum or shasum is needed to verify the download'
  fi
}

install_culvert() {
  dir=${HOME:+$HOME/.local/bin}
  version='@VERSION@'
  base='@DOWNLOADS@'
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) usage && return ;;
      --dir | --version | --base-url) [ $# -gt 1 ] || fail "$1 needs a value" ;;
      *) fail "$1 is not an option: run with --help" ;;
    esac
    case $1 in
      --dir) dir=$2 ;;
      --version) version=${2#v} ;;
      --base-url) base=${2%/} ;;
    esac
    shift 2
  done
  [ -n "$dir" ] || fail 'HOME is not set: name a folder with --dir'

  name=culvert-$version-$(platform)
  # The folder is removed however the script ends.
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM

  download "$base/v$version/checksums.txt" "$work/checksums.txt"
  expected=$(awk -v file="$name.tar.gz" '$2 == file { print $1 }' "$work/checksums.txt")
  [ -n "$expected" ] || fail "culvert $version has no program for this platform: run \"npm install --global culvert\", which needs Node"
  download "$base/v$version/$name.tar.gz" "$work/$name.tar.gz"
  actual=$(checksum "$work/$name.tar.gz")
  [ "$actual" = "$expected" ] ||
    fail "the download is damaged or was changed, so nothing was installed: its SHA-256 is $actual, not $expected"

  tar -xzf "$work/$name.tar.gz" -C "$work" "$name/culvert"
  mkdir -p "$dir"
  # In one step, also while an older culvert is running.
  cp "$work/$name/culvert" "$dir/.culvert-$$"
  chmod 755 "$dir/.culvert-$$"
  mv -f "$dir/.culvert-$$" "$dir/culvert"
  printf 'Installed culvert %s in %s\n' "$version" "$dir"
  case :$PATH: in
    *":$dir:"*) ;;
    *) printf 'Add %s to your PATH to run it by its name.\n' "$dir" ;;
  esac
}

# At the end, so that an incomplete script does nothing.
install_culvert "$@"
