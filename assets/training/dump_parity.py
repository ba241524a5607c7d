"""Dumps what the training script's own forward pass computes, for tests/commands/parity.rs:

    python assets/training/dump_parity.py assets/models/mini-math tests/data/parity-mini-math.json [--data FILE.jsonl]

The weights are widened from f16 to f32 and run by gpt2.py on one thread. Per question: the prompt ids, each latent (first
values, norm, best five of its projection), the greedy answer, the log-probability of a forced answer, and the same with
latent 1 zeroed. Everything is small enough to be read.
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from data import BOCOT, EOCOT, MARK, UNK, pieces, read_jsonl
from gpt2 import Gpt2

QUESTIONS = [
    "Tom has 12 apples. He buys 7 more apples. How many apples does Tom have?",
    "Ann has 5 pens. She gives 2 pens to Tom. Then she buys 4 pens. How many pens does Ann have now?",
    "Every gorpus is a bompus. Tom is a gorpus. True or false: Tom is a bompus.",
    "There are 3 boxes with 6 zeppelins each.",
]
ANSWER_LIMIT = 12


def load(folder):
    config = json.loads((folder / "config.json").read_text())
    model = Gpt2(config).eval()
    prefix = "base_causallm.transformer."
    tensors = load_file(folder / "model.safetensors")
    model.load_state_dict({name.removeprefix(prefix): value.float() for name, value in tensors.items()})
    return config, model


def rounded(values):
    return [float(f"{v:.8g}") for v in values]


@torch.no_grad()
def roll_out(model, prompt, k, zero_first):
    """Feeds k latents back; returns them, the cache, and the last state."""
    hidden, cache = model(model.wte(prompt))
    last, latents = hidden[:, -1:], []
    for j in range(k):
        fed = torch.zeros_like(last) if zero_first and j == 0 else last
        latents.append(fed[0, 0])
        hidden, cache = model(fed, cache)
        last = hidden[:, -1:]
    return latents, cache


@torch.no_grad()
def answer(model, cache, end, eos):
    """Greedy after the end marker; the first token is kept even if it is the end token."""
    ids, logits, token = [], [], torch.tensor([[end]])
    while len(ids) < ANSWER_LIMIT:
        hidden, cache = model(model.wte(token), cache)
        row = model.logits(hidden[0, -1])
        best = int(row.argmax())
        if best == eos and ids:
            break
        ids.append(best)
        logits.append(float(row[best]))
        token = torch.tensor([[best]])
    return {"ids": ids, "logits": rounded(logits)}


@torch.no_grad()
def forced_logprob(model, cache, given, target):
    """Log-probability of the target ids after the given ones."""
    hidden, _ = model(model.wte(torch.tensor([given + target[:-1]])), cache)
    logprobs = torch.log_softmax(model.logits(hidden[0, len(given) - 1 :]).double(), -1)
    return float(sum(logprobs[i, t] for i, t in enumerate(target)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder with config.json, tokenizer.json and model.safetensors")
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, help="take the first six questions of this JSONL instead")
    args = parser.parse_args()
    torch.set_num_threads(1)
    config, model = load(args.model)
    ids = Tokenizer.from_file(str(args.model / "tokenizer.json")).get_vocab()
    encode = lambda text: [ids.get(p, ids[UNK]) for p in pieces(text)]
    k, eos = config["undertone"]["n_latents"], config["eos_token_id"]
    problems = read_jsonl(args.data)[:6] if args.data else [{"question": q, "answer": "7"} for q in QUESTIONS]

    questions = []
    for problem in problems:
        prompt = encode(problem["question"] + "\n") + [ids[BOCOT]]
        latents, cache = roll_out(model, torch.tensor([prompt]), k, False)
        _, zeroed = roll_out(model, torch.tensor([prompt]), k, True)
        given, target = [ids[EOCOT], ids[MARK]], encode(problem["answer"])
        rows = []
        for latent in latents:
            top = model.logits(latent).topk(5)
            rows.append({
                "first": rounded(latent[:8].tolist()),
                "norm": float(latent.norm()),
                "top": top.indices.tolist(),
                "logits": rounded(top.values.tolist()),
            })
        questions.append({
            "question": problem["question"],
            "input_ids": prompt,
            "latents": rows,
            "answer": answer(model, cache, ids[EOCOT], eos),
            "target_ids": target,
            "target_logprob": forced_logprob(model, cache, given, target),
            "zeroed_answer": answer(model, zeroed, ids[EOCOT], eos),
            "zeroed_target_logprob": forced_logprob(model, zeroed, given, target),
        })
    weights = (args.model / "model.safetensors").read_bytes()
    dump = {
        "sha256": hashlib.sha256(weights).hexdigest(),
        "made_with": f"gpt2.py, torch {torch.__version__}, f32, cpu",
        "n_latents": k,
        "questions": questions,
    }
    args.out.write_text(json.dumps(dump, indent=1) + "\n")


if __name__ == "__main__":
    with torch.no_grad():
        main()
