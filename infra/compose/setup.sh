#!/bin/sh
# Makes what compose.yaml needs and does not exist yet: .env, the secrets, and folders. Changes nothing that exists.
set -eu
cd "$(dirname "$0")"

# The user of Culvert's images.
IMAGE_USER=1000

random() {
  od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

# Containers read their secrets as users of their own, so the files are readable, and the folder is closed.
secret() {
  [ -e "secrets/$1" ] && return
  printf '%s' "$2" > "secrets/$1"
  chmod 444 "secrets/$1"
  echo "Made secrets/$1"
}

[ -e .env ] || { cp env.example .env; chmod 600 .env; echo "Made .env: fill it in"; }
for folder in secrets tls backups; do
  mkdir -p "$folder"
  chmod 700 "$folder"
done
if [ "$(id -u)" = 0 ]; then
  chown "$IMAGE_USER:$IMAGE_USER" tls backups
elif [ "$(id -u)" != "$IMAGE_USER" ]; then
  echo "Give tls and backups to the user of the images: sudo chown $IMAGE_USER tls backups"
fi

[ -e secrets/database-url ] && [ ! -e secrets/database-password ] && {
  echo "setup: secrets/database-password is missing: it is the password in secrets/database-url" >&2
  exit 1
}
secret database-password "$(random 24)"
secret database-url "postgresql://culvert:$(cat secrets/database-password)@postgres:5432/culvert"
# Encrypts what previews keep of their traffic. Restored backups need it: keep a copy apart from them.
secret encryption-keys "$(head -c 32 /dev/urandom | base64)"
secret owner-password "$(random 12)"
secret api-key "cvt_$(random 24)"
# Empty until you send mails; see .env.
secret smtp-url ''
