#!/bin/sh
# Upgrades to another version: ./upgrade.sh 0.2.0. Makes a backup first. The API goes first, because it migrates the database;
# the edge of the old version runs on the new schema until its turn.
set -eu
cd "$(dirname "$0")"

fail() {
  echo "upgrade: $1" >&2
  exit 1
}

version=${1:-}
case $version in
  '' | *[!0-9A-Za-z.-]*) fail 'name a version: ./upgrade.sh 0.2.0' ;;
esac
[ -e .env ] || fail 'there is no .env: run ./setup.sh first'
current=$(sed -n 's/^CULVERT_VERSION=//p' .env)
[ -n "$current" ] || fail 'CULVERT_VERSION is not set in .env'

# A new version may need secrets that the current one does not have.
./setup.sh
echo "Fetching $version"
CULVERT_VERSION=$version docker compose pull --quiet api edge backup || fail "the images of $version cannot be fetched; nothing has changed"
echo "Backing up $current"
docker compose run --rm --no-deps backup backup --dir /backups || fail 'the backup failed; nothing has changed'

back="$current is still the version in .env: \"docker compose up --detach --wait\" runs it again"
echo "Starting $version"
CULVERT_VERSION=$version docker compose up --detach --wait api || fail "the API of $version does not start. $back"
CULVERT_VERSION=$version docker compose up --detach --wait || fail "$version does not start. $back"

sed "s/^CULVERT_VERSION=.*/CULVERT_VERSION=$version/" .env > .env.new
chmod 600 .env.new
mv .env.new .env
echo "Runs $version. To go back: ./upgrade.sh $current"
