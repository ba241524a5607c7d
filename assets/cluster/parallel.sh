#!/bin/bash
# A run in shards under GNU parallel, merged at the end:
#
#   assets/cluster/parallel.sh 8 runs/math --model mini-math --limit 1000
#   SSHLOGIN=node1,node2 assets/cluster/parallel.sh 8 /shared/runs/math --model mini-math --limit 1000
#
# Arguments: how many shards, the folder of the shards, and what goes to `undertone run`. On other machines the folder has to be on
# a file system that they share. Started again it goes on where it stopped.
set -euo pipefail
shards=$1 folder=$2
shift 2
undertone=${UNDERTONE:-undertone}
mkdir -p "$folder"
seq -f %04g "$shards" | parallel ${SSHLOGIN:+--sshlogin "$SSHLOGIN" --workdir "$PWD"} --halt soon,fail=1 --quote \
    "$undertone" run "$@" --shard "{= \$_ += 0 =}/$shards" --out "$folder/shard-{}"
exec "$undertone" merge "$folder"/shard-* --out "$folder/whole"
