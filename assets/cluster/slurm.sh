#!/bin/bash
# One shard of a run for each task of a Slurm array:
#
#   sbatch --array=1-8 --cpus-per-task=2 assets/cluster/slurm.sh runs/math --model mini-math --limit 1000
#   undertone merge runs/math/shard-* --out runs/math/whole        # when all tasks are done
#
# The first argument is the folder of the shards; the rest goes to `undertone run`. A task that is preempted or killed and
# started again goes on where it stopped (sbatch --requeue).
#SBATCH --job-name=undertone
#SBATCH --signal=TERM@60
set -euo pipefail
folder=$1
shift
shard=$SLURM_ARRAY_TASK_ID
# Padded, so that a shell lists them in order.
exec "${UNDERTONE:-undertone}" run "$@" \
    --shard "$shard/$SLURM_ARRAY_TASK_COUNT" --out "$folder/shard-$(printf %04d "$shard")"
