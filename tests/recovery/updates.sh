#!/bin/sh
# SPDX-License-Identifier: MIT
# The campaign of live updates: updates.sh ROUNDS. A round updates every service once: to its variant with another layout (/variant), to itself, back
# to the first version (/boot/services). Every tenth update is made to fail first. Meanwhile the standard workload runs again and again, and
# what it prints is compared with a quiet run. Prints what was not as expected, and at the end how often what happened.
rounds=$1
services="vm ds sched pm vfs tmpfs devfs procfs tty memory random hello rs"
faults="init-crash init-fail never-ready bad-state prepare-crash"
sh /workload.sh >/tmp/quiet 2>&1
(while [ ! -e /tmp/stop ]; do
    sh /workload.sh >/tmp/loud 2>&1
    cmp -s /tmp/quiet /tmp/loud && echo same || { echo different; diff /tmp/quiet /tmp/loud; }
done) >/tmp/outputs 2>&1 &
load=$!

# A service that is just being replaced for another reason, or whose standby is not ready yet, is asked again.
update() {
    tries=0
    while :; do
        said=$(service update "$@" 2>&1)
        status=$?
        case "$said" in
        *busy* | *"temporarily"*) tries=$((tries + 1)); [ $tries -gt 200 ] && return $status; usleep 20000 ;;
        *) return $status ;;
        esac
    done
}

# Fails, as asked; the old version goes on.
fail() {
    set -- $1 $faults
    label=$1
    shift $((failures % 5 + 1))
    update $label -fault $1 -maxtime 50 && echo "$label: $1 did not fail"
    failures=$((failures + 1))
}

n=0
done=0
failures=0
round=0
while [ $round -lt $rounds ]; do
    for label in $services; do
        n=$((n + 1))
        [ $((n % 10)) = 0 ] && fail $label
        case $((round % 3)) in
        0) set -- $label -binary /variant/$label ;;
        1) set -- $label ;;
        2) set -- $label -binary /first/$label ;;
        esac
        if update "$@"; then done=$((done + 1)); else echo "$* : $said"; fi
    done
    round=$((round + 1))
    [ $((round % 25)) = 0 ] && echo "progress: $round of $rounds rounds"
done
touch /tmp/stop
wait $load
service list | awk -v rounds=$rounds 'NR > 1 && $NF != rounds { print $1 " has " $NF " updates, must be " rounds }'
grep -v same /tmp/outputs
echo "outputs: $(grep -c same /tmp/outputs) same"
echo "updates: $done done, $failures failed as asked"
