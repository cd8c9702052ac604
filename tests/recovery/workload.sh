#!/bin/sh
# SPDX-License-Identifier: MIT
# The standard workload of tools/chaos: pipelines, many processes, files that are read back, signals, job control, devices, /proc. What it prints is
# the same each time, so a round under damage is compared with a quiet one line by line. Each step prints its name, what came out, and its status.
set +e
work=/tmp/chaos.$$
mkdir -p $work
cd $work || exit 9

step() {
    name=$1
    shift
    result=$("$@" 2>&1)
    status=$?
    echo "$name: $result [$status]"
}

pipeline() { seq 1 3000 | sort -rn | sed 's/7/x/g' | md5sum; }

twenty() {
    i=0
    while [ $i -lt 20 ]; do
        (echo "child $i" >out.$i; exec /bin/sh -c "exit $i") &
        i=$((i + 1))
    done
    wait
    cat out.* | sort | md5sum
    rm out.*
}

statuses() {
    sum=0
    for want in 1 2 3 5 8 13; do
        sh -c "exit $want"
        sum=$((sum + $?))
    done
    echo $sum
}

files() {
    mkdir -p d/e/f
    for n in 1 2 3 4 5 6; do
        seq $n 2000 >d/e/f/file$n
        cp d/e/f/file$n d/copy$n
        cmp d/e/f/file$n d/copy$n || echo "differs $n"
    done
    mv d/copy1 d/moved
    ln d/moved d/linked
    ln -s moved d/soft
    cat d/moved d/linked d/soft d/copy[2-6] | md5sum
    find d | sort | md5sum
    rm -r d
    ls
}

append() {
    n=0
    while [ $n -lt 40 ]; do
        echo "line $n" >>log
        n=$((n + 1))
    done
    wc -l <log
    dd if=log of=part bs=7 skip=3 count=9 2>/dev/null
    md5sum <part
    rm log part
}

signals() {
    sh -c 'trap "echo caught; exit 3" TERM; kill -TERM $$; sleep 1; echo not reached'
    echo $?
    sh -c 'kill -KILL $$'
    echo $?
    (sleep 60 & child=$!; kill $child; wait $child; echo $?) 2>/dev/null
    sh -c 'trap "" INT; kill -INT $$; echo ignored'
}

jobs_test() {
    sleep 60 & one=$!
    kill -STOP $one
    i=0
    while [ $i -lt 100 ]; do
        state=$(cut -d' ' -f3 /proc/$one/stat)
        [ "$state" = T ] && break
        usleep 10000
        i=$((i + 1))
    done
    echo "$state"
    kill -CONT $one
    kill $one
    wait $one 2>/dev/null
    echo $?
}

devices() {
    dd if=/dev/zero bs=1000 count=5 2>/dev/null | wc -c
    head -c 100 /dev/urandom | wc -c
    echo discarded >/dev/null
    head -c 5 /dev/hello | wc -c
    [ -c /dev/tty ] && echo tty
    ls /dev | grep -c '^null$'
    stat -c '%a %F' /dev/zero
}

proc() {
    cat /proc/self/comm
    cut -d' ' -f4 /proc/self/stat >/dev/null && echo stat
    ls -d /proc/self
    grep -c '^MemTotal' /proc/meminfo
}

fifo() {
    mkfifo pipe
    (seq 1 500 >pipe) &
    md5sum <pipe
    wait
    rm pipe
}

step pipeline pipeline
step twenty twenty
step statuses statuses
step files files
step append append
step signals signals
step jobs jobs_test
step devices devices
step proc proc
step fifo fifo
cd /
rmdir $work
echo "done [$?]"
