"""A run in shards as tasks of a Ray cluster, merged at the end:

    python assets/cluster/ray_shards.py 8 /shared/runs/math --model mini-math --limit 1000

Arguments: how many shards, the folder of the shards (on a file system that all nodes share), and what goes to `undertone run`.
A task that dies is tried again and goes on where it stopped. CPUs a task: UNDERTONE_CPUS (2).
"""

import os
import pathlib
import subprocess
import sys

import ray


def main() -> None:
    shards, folder, rest = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    undertone = os.environ.get("UNDERTONE", "undertone")
    cpus = float(os.environ.get("UNDERTONE_CPUS", "2"))
    folders = [str(folder / f"shard-{shard:04}") for shard in range(1, shards + 1)]

    @ray.remote(num_cpus=cpus, max_retries=3, retry_exceptions=True)
    def shard(index: int) -> None:
        command = [undertone, "run", *rest, "--shard", f"{index}/{shards}", "--out", folders[index - 1]]
        subprocess.run(command, check=True)

    ray.init(log_to_driver=True)
    ray.get([shard.remote(index) for index in range(1, shards + 1)])
    subprocess.run([undertone, "merge", *folders, "--out", str(folder / "whole")], check=True)


if __name__ == "__main__":
    main()
