#!/usr/bin/env bash
# A night's work for cron: load the shop's files, build, check that what is published is fresh, write a campaign file.
# It may be run again at any time: a load replaces the load before, a build of the same day its own offers, and the same data
# give the same campaign file. Whatever fails, the published file of the last good build stays.
#
#   15 2 * * *  SHOP_FILES=/srv/shop/export CAMPAIGN=weekly_thanks /usr/bin/flock -n /tmp/offerhouse.lock /srv/offerhouse/nightly.sh
#
# SHOP_FILES     folder of the shop's export, one file a table of the source contract
# CAMPAIGN       campaign whose file is written
# MAX_AGE_HOURS  how old the publication may be at the end (1)
# RETRIES, RETRY_SECONDS  for what may pass by itself: a full disk, another process that writes the database (3, 300)
set -uo pipefail

: "${SHOP_FILES:?folder of the export of the shop}" "${CAMPAIGN:?campaign whose file is written}"
retries=${RETRIES:-3} retry_seconds=${RETRY_SECONDS:-300}

# promo's exit codes say whether trying again can help: 3 is the environment, 1 the data or a policy, 2 this script, 4 a model
# or test. promo has said on stderr, in one line, what is wrong and what to do; cron mails it.
step() {
    local attempt code
    for ((attempt = 1; ; attempt++)); do
        code=0
        promo "$@" || code=$?
        [ "$code" -eq 0 ] && return
        if [ "$code" -ne 3 ] || [ "$attempt" -gt "$retries" ]; then
            echo "nightly: promo $1 ended with code $code; what was published before stays published" >&2
            exit "$code"
        fi
        sleep "$retry_seconds"
    done
}

step load files "$SHOP_FILES" --quiet
step build --wait 1800 --quiet

promo status --json | python3 -c '
import json, sys

published, limit = json.load(sys.stdin)["published"], float(sys.argv[1])
if published is None or published["age_hours"] > limit:
    sys.exit("nightly: what is published is older than %g hours" % limit)
' "${MAX_AGE_HOURS:-1}" || exit 4

step export "$CAMPAIGN" --quiet
