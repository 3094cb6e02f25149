#!/usr/bin/env bash
# Flink SQL on an NDJSON file of Segment tracks: run.sh FILE [RUNS [streaming|batch]]
#
# or on a topic of them, on a cluster: run.sh --topic BROKER TOPIC FIGURES HOST:PORT SLOTS
#
# The first prints one JSON line: events, minutes, people, seconds and cpu_seconds (user and system time of
# the whole JVM, start-up included), with RUNS > 1 also warm_seconds and warm_cpu_seconds of the last run.
# Needs Java 11 or 17 and Maven. Downloads and build stay in ${MOMENT_CACHE:-~/.cache/moment}.
#
# Its best chance, found by trying on a million events: one slot, object reuse, a hash map as state,
# mini-batches of 20,000 rows, a heap that is never full, the serial collector (G1 costs a sixth more
# CPU, the parallel one the same). Tried and no better: the DISTINCT of batch mode and MIN by id
# (a fifth more CPU than ROW_NUMBER), the compiler's first tier alone (same CPU, twice the time),
# a heap of 4 GB, Flink 1.20.1 (the same). Start-up, planning and compiling cost over ten CPU seconds:
# compare whole processes on a million events or more, or take the warm figures of RUNS = 3.
#
# On a cluster it takes the checkpoints that Moment takes there, with state in a hash map and not in
# RocksDB; what it costs is read from the TaskManager by whoever starts it. It writes its figures to
# the topic FIGURES.
set -euo pipefail

if [ $# -lt 1 ]; then
    echo "usage: $0 FILE [RUNS [streaming|batch]]" >&2
    echo "       $0 --topic BROKER TOPIC FIGURES HOST:PORT SLOTS" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
cache=${MOMENT_CACHE:-$HOME/.cache/moment}
build=$cache/flink_sql
jar=$build/flink-sql-1.jar

if [ ! -f "$jar" ] || [ -n "$(find "$here/pom.xml" "$here/src" -newer "$jar" -type f)" ]; then
    mkdir -p "$build"
    mvn --quiet --batch-mode -Dstyle.color=never --file "$here/pom.xml" \
        -Dmaven.repo.local="$cache/maven" -Dbuild.folder="$build" package >&2
fi

opens=()
for package in lang lang.reflect net nio time util util.concurrent; do
    opens+=("--add-opens=java.base/java.$package=ALL-UNNAMED")
done
if [ "$1" = --topic ]; then
    shift
    connector=$(ls "$build"/lib/flink-sql-connector-kafka-*.jar)
    exec java "${opens[@]}" -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -cp "$jar:$build/lib/*" moment.benchmarks.CountTopic "$@" "$connector"
fi
exec java "${opens[@]}" -Xms2g -Xmx2g -XX:+UseSerialGC \
    -cp "$jar:$build/lib/*" moment.benchmarks.CountEvents "$@"
