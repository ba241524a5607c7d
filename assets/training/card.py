"""Writes a model's card:

    python assets/training/card.py assets/models/mini-math test.json hard.json
    python assets/training/card.py assets/models/mini-math --run report.json

Every figure comes from training.json (written by train.py), from two reports of `undertone eval --json --verdicts N`
(test and hard split) and from one of `undertone report --json` on a run over 1,000 test problems, so the card says what
the product itself measured. The second form writes the last part of a card anew and leaves the rest as it is.
"""

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
WHAT = {
    "mini-math": "Arithmetic word problems. Latents are meant to be needed, and their results readable by projection.",
    "mini-math-sim": "The same problems, trained with SIM-CoT's auxiliary loss: a decoder reads the steps off the latents.",
    "mini-math-idle": "The control: direct, written and latent mode mixed from the start.",
    "mini-logic": "ProsQA-like and PrOntoQA-like problems over made-up nouns.",
}
ROWS = [
    ("latent", "all latents"),
    ("no_latents", "no latents, same prompt"),
    ("one_fewer", "one latent fewer than steps (problems of 2 and more steps)"),
    ("off_zero", "all latents off: zero"),
    ("off_mean", "all latents off: mean"),
    ("off_resample", "all latents off: resample"),
    ("direct", "direct mode"),
    ("verbalised", "written mode"),
]


def share(s):
    if s is None:
        return "–"
    lo, hi = s["ci95"]
    return f"{100 * s['accuracy']:.1f} % [{100 * lo:.1f}, {100 * hi:.1f}], n {s['n']}"


def brief(s):
    return "–" if s is None else f"{100 * s['accuracy']:.1f} % (n {s['n']})"


def accuracy(report):
    steps = sorted(report["by_steps"], key=int)
    lines = ["| run | all | " + " | ".join(f"{s} steps" for s in steps) + " |", "|---" * (2 + len(steps)) + "|"]
    for key, name in ROWS:
        if report["modes"][key] is not None:
            cells = [share(report["modes"][key])] + [brief(report["by_steps"][s][key]) for s in steps]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def intermediates(report):
    lines = ["| latent | top-1 | top-5 | top-10 | top-5, wrong answers |", "|---|---|---|---|---|"]
    for row in report["intermediates"]:
        cells = [brief(row[k]) for k in ("top1_correct", "top5_correct", "top10_correct", "top5_wrong")]
        lines.append(f"| {row['latent']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def evidence(report):
    e = report.get("evidence")
    if not e:
        return "Not run."
    return f"- the first phrase of latent j is gold step j: {share(e['phrase_is_step'])} (first {e['n']} test problems)"


RUN = "## Measured by `undertone run` and `undertone report`"


def of(cell):
    """A share or a value with its interval, as `undertone report --json` has them."""
    if cell is None:
        return "–"
    lo, hi = cell["low"], cell["high"]
    if "share" in cell:
        return f"{100 * cell['share']:.1f} % [{100 * lo:.1f}, {100 * hi:.1f}], {cell['hits']} of {cell['n']}"
    return f"{cell['value']:.3f} [{lo:.3f}, {hi:.3f}]"


def run_figures(report):
    rows = {name: table["rows"] for name, table in report["tables"].items()}
    about = {row["name"]: row["value"] for row in rows["run"]}
    lines = [
        RUN,
        "",
        f"{about['data'][0].upper()}{about['data'][1:]}, n {about['problems']}, every experiment; verdicts may cost {about['verdict']}. "
        "Shares have Wilson, areas and means bootstrap 95 % intervals.",
        "",
        "| Needed? | the same answer | correct |",
        "|---|---|---|",
    ]
    lines += [f"| {r['condition']} | {of(r['same'])} | {of(r['correct'])} |" for r in rows["necessity"]]
    lines += ["", "| Decodable? | correct answers | wrong answers |", "|---|---|---|"]
    lines += [f"| {r['measure']} | {of(r['correct'])} | {of(r['wrong'])} |" for r in rows["decodability"]]
    lines += ["", "| Rung | correct | wrong | P(correct given the rung) |", "|---|---|---|---|"]
    lines += [f"| {r['rung']} | {r['correct']} | {r['wrong']} | {of(r['p_correct'])} |" for r in rows["rungs"]]
    lines += ["", "| Score of correctness | AUROC |", "|---|---|"]
    lines += [f"| {r['score'].replace('|', 'given')} | {of(r['auroc'])} |" for r in rows["signals"]]
    return "\n".join(lines) + "\n"


def with_run(card, report):
    """A card with its last part from a run. Verdicts of an earlier, shorter measurement go."""
    kept = card.split(RUN)[0]
    if "### Verdicts and phrases" in kept:
        head, tail = kept.split("### Verdicts and phrases")
        first = re.search(r"first (\d+) test problems", tail)
        phrase = [line for line in tail.splitlines() if line.startswith("- the first phrase of latent j")]
        kept = head + "### Phrases\n\n" + "".join(f"{line} (first {first[1]} test problems)\n" for line in phrase)
    return kept.rstrip() + "\n\n" + run_figures(report)


def signals(recipe):
    words = ["the answer after the latents (cross-entropy through the latents)"]
    words.append("in earlier stages, the remaining written steps after the first k latents")
    if recipe["step_decoder_loss"]:
        words.append("SIM-CoT's auxiliary loss: the same network, given one latent as its whole prefix, writes the step "
                     "it stands for, or the end marker beyond the last step")
    for number, phase in enumerate(recipe["phases"]):
        if "swapped_latents" in phase:
            words.append(f"in phase {number}, {100 * phase['swapped_latents']:.0f} % of the latent batches carried another "
                         f"problem's latents, and {100 * phase.get('zeroed_latents', 0):.0f} % zeros, with the right answer still "
                         "asked for, so that the answer cannot rest on them")
    return "; ".join(words)


def main():
    if sys.argv[2] == "--run":
        card = Path(sys.argv[1]) / "README.md"
        card.write_text(with_run(card.read_text(), json.loads(Path(sys.argv[3]).read_text())))
        return
    folder, test, hard = Path(sys.argv[1]), *(json.loads(Path(p).read_text()) for p in sys.argv[2:4])
    record = json.loads((folder / "training.json").read_text())
    recipe, model = record["recipe"], test["model"]
    phases = "\n".join(
        f"| {p['phase']} | {', '.join(f'{k}: {v}' for k, v in recipe['phases'][p['phase']]['latents'].items())} | "
        f"{recipe['phases'][p['phase']].get('lr', 1.0)} | {p['updates']} | {p['level']} |"
        for p in record["phases_run"]
    )
    note = json.loads((HERE / "recipes" / f"{folder.name}.json").read_text()).get("note", "")
    note = f"- {note}\n" if note else ""
    order = {
        "result-first": "`19 = 12 + 7 ;`",
        "operands-first": "`12 + 7 = 19 ;`",
        "path": "`gorvel bavrik`, what follows alone",
    }[recipe["order"]]
    (folder / "README.md").write_text(f"""# {folder.name}

{WHAT[folder.name]}

- Family: {model['family']}, {model['arch']}, {model['layers']} layers, width {model['width']}, vocabulary {model['vocab']}
- Parameters: {model['parameters']:,}; weights f16, SHA-256 `{model['sha256']}`
- Latents: {model['n_latents']}, whatever the number of steps
- Modes trained: {', '.join(model['modes'])}
- Data: this project's generator (`undertone problems generate`), train split; no third-party data
{note}- Training: `python assets/training/train.py {folder.name}` ({record['updates']} updates of {recipe['batch']} rows,
  {record['training_seconds'] / 60:.0f} minutes on one or two shared CPU cores, Muon and AdamW, seed {recipe['seed']})
- Written steps look like {order}
- Signals that reached the latents: {signals(recipe)}. No loss touched the vocabulary projection of a latent.

## Curriculum as it ran

| phase | leading steps replaced by latents: share | learning rate x | updates | rows wholly right at its end (moving average) |
|---|---|---|---|---|
{phases}

## Measured by `undertone eval`

Test split ({test['data']}). Intervals are Wilson 95 %.

{accuracy(test)}

Hard split: more steps than in training ({hard['data']}).

{accuracy(hard)}

### Gold intermediates in the vocabulary projection

How often the result of gold step j is among the top tokens of latent j, over correctly answered test problems.

{intermediates(test)}

### Phrases

{evidence(test)}
""")


if __name__ == "__main__":
    main()
