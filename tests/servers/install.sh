#!/bin/sh
# Debian's PostgreSQL and MariaDB for the tests, which start their own on private folders; no service is set up.
set -eu
bins=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null || true)
if [ -n "$bins" ] && command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null; then exit 0; fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -qy --no-install-recommends postgresql-common
mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/none.conf
apt-get install -qy --no-install-recommends postgresql mariadb-server-core mariadb-client-core
