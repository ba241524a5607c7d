"""Trains one bundled model: `cargo build --release && python assets/training/train.py mini-math`.

The curriculum is the recipe's list of phases. A phase names its data, how many leading steps are replaced by
latents (`latents`: number -> share; "written", "direct" and "recall" are the other modes), and ends when the share of rows
written wholly right passes `advance`, or after `max` updates; `lr` scales both learning rates. The last phase has a
fixed length and lets them fall to zero. State is saved every 100 updates and picked up again, so the run may be stopped at any time.

No loss touches the vocabulary projection of a latent: the positions whose hidden state is fed back as a latent have
no label, and neither has the end marker after the last latent.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

import export
from data import BOCOT, EOCOT, Rows, build_tokenizer, read_jsonl
from gpt2 import Gpt2
from optim import Muon

HERE = Path(__file__).parent


def suffix_of(row, k, mode, ids):
    """(token ids after the latents, the places among them that carry no label)."""
    _, steps, answer, facts = row
    if mode == "direct":
        return answer, []
    if mode == "recall":
        tokens, given = [], []
        for source, result in random.sample(facts, len(facts)):
            given += range(len(tokens), len(tokens) + len(source))
            tokens += source + result
        return tokens, given
    # "0" is a rollout of no latents at all, not a written trace.
    rest = [] if mode == "latent" and k == 0 else [t for step in steps[k:] for t in step]
    # The end marker straight after the last latent is given, not learned.
    return rest + [ids[EOCOT]] + answer, [] if rest else [0]


def forward(model, rows, k, mode, ids, device, donors=None):
    """Runs rows of equal question length. Returns logits and labels over the suffix, and the latents.

    With `donors` (a permutation of the rows) each row is fed another row's latents, with "zero" zeros: an answer that
    must come out right all the same cannot rest on them.
    """
    start = ids[EOCOT] if mode == "direct" else ids[BOCOT]
    prompt = torch.tensor([row[0] + [start] for row in rows], device=device)
    hidden, cache = model(model.wte(prompt))
    last, latents = hidden[:, -1:], []
    for _ in range(k):
        if donors is not None:
            last = torch.zeros_like(last) if isinstance(donors, str) else last[donors]
        latents.append(last)
        hidden, cache = model(last, cache)
        last = hidden[:, -1:]
    suffixes = [suffix_of(row, k, mode, ids) for row in rows]
    width = max(len(s) for s, _ in suffixes)
    labels = torch.full((len(rows), width), -100)
    tokens = torch.zeros((len(rows), width), dtype=torch.long)
    for i, (s, given) in enumerate(suffixes):
        tokens[i, : len(s)] = torch.tensor(s)
        labels[i, : len(s)] = torch.tensor(s)
        labels[i, given] = -100
    tokens, labels = tokens.to(device), labels.to(device)
    hidden, _ = model(model.wte(tokens[:, :-1]), cache)
    logits = model.logits(torch.cat([last, hidden], 1))
    return logits, labels, latents


def step_decoder_loss(model, rows, latents, ids, device):
    """SIM-CoT's auxiliary loss: the same network, given one latent as its whole prefix, writes the step it stands for.

    A latent beyond the last step must write the end marker alone.
    """
    # One latent a row, drawn at random: a quarter of the cost, the same expected gradient up to scale.
    picked = torch.randint(len(latents), (len(rows),)).tolist()
    vectors = [latents[j][i : i + 1] for i, j in enumerate(picked)]
    targets = [row[1][j] if j < len(row[1]) else [ids[EOCOT]] for row, j in zip(rows, picked)]
    width = max(map(len, targets))
    labels = torch.full((len(targets), width), -100)
    for i, t in enumerate(targets):
        labels[i, : len(t)] = torch.tensor(t)
    labels = labels.to(device)
    inputs = torch.cat([torch.cat(vectors), model.wte(labels[:, :-1].clamp(min=0))], 1)
    hidden, _ = model(inputs)
    return F.cross_entropy(model.logits(hidden).flatten(0, 1), labels.flatten())


def exact(logits, labels):
    """Per row: is every labelled token the most likely one (the same as greedy decoding giving the whole text)?"""
    return ((logits.argmax(-1) == labels) | (labels == -100)).all(1)


@torch.no_grad()
def evaluate(model, rows, ids, n_latents, device, modes):
    model.eval()
    report = {}
    for name, (k, mode) in modes.items():
        right, total = {}, {}
        for batch in rows.all_batches(128):
            logits, labels, _ = forward(model, batch, k, mode, ids, device)
            for row, ok in zip(batch, exact(logits, labels).tolist()):
                s = len(row[1])
                right[s], total[s] = right.get(s, 0) + ok, total.get(s, 0) + 1
        report[name] = {s: round(right[s] / total[s], 3) for s in sorted(total)}
    lens = {}
    for batch in rows.all_batches(128):
        _, _, latents = forward(model, batch, n_latents, "latent", ids, device)
        for j, latent in enumerate(latents):
            top = model.logits(latent[:, 0]).topk(5).indices.tolist()
            for row, ranked in zip(batch, top):
                if j < len(row[1]):
                    hits = lens.setdefault(j + 1, [0, 0, 0])
                    result = result_token(row[1][j], ids)
                    hits[0] += ranked[0] == result
                    hits[1] += result in ranked
                    hits[2] += 1
    report["result_in_projection_top1_top5"] = {j: [round(a / n, 3), round(b / n, 3)] for j, (a, b, n) in lens.items()}
    model.train()
    return report


def result_token(step, ids):
    """The token of a written step's result: after "=" in an operands-first equation, before it in a result-first one,
    the last of a logic step."""
    if ids["="] not in step:
        return step[-1]
    return step[0] if step[1] == ids["="] else step[-2]


def generate_missing(recipe, folder, program):
    """Makes the recipe's data files with the product's generator; families of one file take turns."""
    for name, calls in recipe["files"].items():
        if (folder / name).exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        parts = []
        for i, options in enumerate(calls):
            part = folder / f"{name}.part{i}"
            subprocess.run([program, "problems", "generate", *options, "--out", str(part)], check=True)
            parts.append(part)
        lines = zip(*(part.read_text().splitlines() for part in parts))
        (folder / name).write_text("".join(line + "\n" for turn in lines for line in turn))
        for part in parts:
            part.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", help="a name in recipes/, e.g. mini-math")
    parser.add_argument("--data", type=Path, default=Path("target/training/data"), help="where the generated problems are kept")
    parser.add_argument("--out", type=Path, help="working folder: state.pt, log.jsonl, model/ [target/training/RECIPE]")
    parser.add_argument("--undertone", default="target/release/undertone", help="the program that generates problems")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--finish-in", type=float, help="minutes after which the last phase is entered at the latest")
    args = parser.parse_args()
    recipe = json.loads((HERE / "recipes" / f"{args.recipe}.json").read_text())
    args.out = args.out or Path("target/training") / args.recipe
    generate_missing(recipe, args.data, args.undertone)
    torch.set_num_threads(args.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(recipe["seed"])
    args.out.mkdir(parents=True, exist_ok=True)

    problems = {name: read_jsonl(args.data / name) for name in sorted({n for p in recipe["phases"] for n in p["data"]})}
    tokenizer = build_tokenizer([q for qs in problems.values() for q in qs], recipe["numbers"])
    ids = tokenizer.get_vocab()
    data = {n: Rows(qs, tokenizer, recipe["order"], recipe["seed"]) for n, qs in problems.items()}
    held_out = Rows(read_jsonl(args.data / recipe["held_out"])[:600], tokenizer, recipe["order"], 0)
    cfg = {**recipe["architecture"], "vocab_size": len(ids), "layer_norm_epsilon": 1e-5}
    model = Gpt2(cfg).to(device)
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and n.startswith("h.")]
    others = [p for n, p in model.named_parameters() if not (p.ndim == 2 and n.startswith("h."))]
    muon = Muon(matrices, lr=recipe["lr_matrices"])
    adam = torch.optim.AdamW(others, lr=recipe["lr_others"], betas=(0.9, 0.98), weight_decay=0.0)
    base_lrs = [recipe["lr_matrices"], recipe["lr_others"]]

    state = {"update": 0, "phase": 0, "phase_start": 0, "level": 0.0, "seconds": 0.0, "history": []}
    saved = args.out / "state.pt"
    if saved.exists():
        blob = torch.load(saved, map_location=device, weights_only=False)
        model.load_state_dict(blob["model"]), muon.load_state_dict(blob["muon"]), adam.load_state_dict(blob["adam"])
        state = blob["state"]
        print(f"resumed at update {state['update']}, phase {state['phase']}", flush=True)
    rng = random.Random(recipe["seed"] * 1000 + state["update"])
    for rows in data.values():
        rows.rng.seed(rng.random())
    n_latents, log = recipe["latents"], open(args.out / "log.jsonl", "a")
    modes = {"latent": (n_latents, "latent"), "written": (0, "written")}
    if recipe["has_direct"]:
        modes["direct"] = (0, "direct")

    def save():
        blob = {"model": model.state_dict(), "muon": muon.state_dict(), "adam": adam.state_dict(), "state": state}
        torch.save(blob, saved.with_suffix(".tmp"))
        saved.with_suffix(".tmp").replace(saved)

    began = time.time() - state["seconds"]
    while state["phase"] < len(recipe["phases"]):
        phase = recipe["phases"][state["phase"]]
        final = state["phase"] == len(recipe["phases"]) - 1
        done = state["update"] - state["phase_start"]
        rate = phase["lr"] * min(1.0, (state["update"] + 1) / 50) * (max(0.0, 1 - done / phase["max"]) if final else 1.0)
        for optimiser, lr in zip((muon, adam), base_lrs):
            for group in optimiser.param_groups:
                group["lr"] = lr * rate
        wholly, seen, loss_sum = 0, 0, 0.0
        while seen < recipe["batch"]:
            rows = data[rng.choices(list(phase["data"]), list(phase["data"].values()))[0]].batch(recipe["batch_rows"])
            choice = rng.choices(list(phase["latents"]), list(phase["latents"].values()))[0]
            mode, k = ("latent", int(choice)) if choice.isdigit() else (choice, 0)
            donors, draw = None, rng.random()
            if k > 0 and draw < phase.get("swapped_latents", 0.0):
                donors = torch.randperm(len(rows), device=device)
            elif k > 0 and draw > 1 - phase.get("zeroed_latents", 0.0):
                donors = "zero"
            logits, labels, latents = forward(model, rows, k, mode, ids, device, donors)
            loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
            total = loss
            if recipe["step_decoder_loss"] and latents:
                total = loss + recipe["step_decoder_loss"] * step_decoder_loss(model, rows, latents, ids, device)
            (total * len(rows) / recipe["batch"]).backward()
            # The level counts the phase's own latent count only: the mixed-in easier rows would flatter it.
            if choice == phase.get("judge", max(phase["latents"], key=phase["latents"].get)):
                wholly_rows = exact(logits, labels)
                state["level"] = 0.97 * state["level"] + 0.03 * wholly_rows.float().mean().item()
            seen, loss_sum = seen + len(rows), loss_sum + loss.item() * len(rows)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in (muon, adam):
            optimiser.step(), optimiser.zero_grad(set_to_none=True)
        state["update"] += 1
        state["seconds"] = time.time() - began
        if state["update"] % 20 == 0:
            print(f"{state['seconds']:7.0f} s  update {state['update']:5d}  phase {state['phase']}  loss {loss_sum / seen:.3f}"
                  f"  wholly right {state['level']:.3f}", flush=True)
        if state["update"] % 300 == 0:
            report = evaluate(model, held_out, ids, n_latents, device, modes)
            print(json.dumps(report), file=log, flush=True)
            print("   ", report, flush=True)
        done += 1
        out_of_time = args.finish_in is not None and not final and state["seconds"] > args.finish_in * 60
        if done >= phase["max"] or (not final and done > 60 and state["level"] >= phase["advance"]) or out_of_time:
            state["history"].append({"phase": state["phase"], "updates": done, "level": round(state["level"], 4), "seconds": round(state["seconds"])})
            print("   phase ended:", state["history"][-1], flush=True)
            state["phase"] = len(recipe["phases"]) - 1 if out_of_time else state["phase"] + 1
            state["phase_start"], state["level"] = state["update"], 0.0
            save()
        elif state["update"] % 100 == 0:
            save()
    report = evaluate(model, held_out, ids, n_latents, device, modes)
    print(report, flush=True)
    export.write(args.out / "model", model, tokenizer, recipe, state, device, report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
