"""The early-stopping sweep the way the published scripts do it, by hand-written PyTorch: for every k the question is run
again, the latent phase over a key-value cache, and then the answer token by token over the whole sequence without a cache
(docs/methods.md M4.1; the published generation keeps none). f32 on the CPU.

`undertone bench --suite counterfactual --reference "python benches/early_stopping.py"` writes the questions to the file that
UNDERTONE_QUESTIONS names and runs this on the same checkpoint. Prints one JSON object: milliseconds a question.
"""

import json
import os
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from reference import Gpt2  # noqa: E402


def answer(model, task, prompt, k, forced):
    vectors = model.embed(torch.tensor([prompt]))
    cache = model.new_cache(1, len(prompt) + k)
    hidden = model.forward(vectors, cache, 0)[:, -1:]
    fed = [vectors]
    for i in range(k):
        fed.append(hidden)
        hidden = model.forward(hidden, cache, len(prompt) + i)[:, -1:]
    after = task["end"] + (task["delimiter"] if forced else [])
    if after:
        fed.append(model.embed(torch.tensor([after])))
    sequence, ids = torch.cat(fed, 1), []
    for _ in range(task["max_new"]):
        whole = model.forward(sequence, model.new_cache(1, sequence.shape[1]), 0)
        token = int(model.logits(whole[:, -1]).argmax())
        if token in task["stop"]:
            break
        ids.append(token)
        sequence = torch.cat([sequence, model.embed(torch.tensor([[token]]))], 1)
    return ids


@torch.no_grad()
def main():
    model = Gpt2(Path(sys.argv[1]))
    task = json.loads(Path(os.environ["UNDERTONE_QUESTIONS"]).read_text())
    threads = os.environ.get("RAYON_NUM_THREADS")
    if threads:
        torch.set_num_threads(int(threads))
    times, answers = [], []
    for prompt in task["questions"]:
        began = time.perf_counter()
        answer(model, task, prompt, task["latents"], False)
        answers.append([answer(model, task, prompt, k, True) for k in range(task["latents"] + 1)])
        times.append(1e3 * (time.perf_counter() - began))
    print(json.dumps({
        "what": f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, no cache while generating",
        "early_stopping_ms": statistics.median(times),
        "answers": answers,
    }))


if __name__ == "__main__":
    main()
