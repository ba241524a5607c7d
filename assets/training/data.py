"""Reads the generator's JSONL, builds the word-level tokenizer, and lays problems out as token rows.

Layout (the multi-mode layout of docs/methods.md M1.4):

    written   question \n <|bocot|> step ; step ; <|eocot|> ### answer <|endoftext|>
    latent    question \n <|bocot|> (k latent vectors) [remaining steps] <|eocot|> ### answer <|endoftext|>
    direct    question \n <|eocot|> ### answer <|endoftext|>
    recall    question \n <|bocot|> source result source result ..   (logic: facts of the question in random order; only
                                                                     the results are learned)

A written step puts its result first ("19 = 12 + 7 ;") or its operands first ("12 + 7 = 19 ;").
A logic step is written as what follows alone ("bompus", "is not happy"): what it follows from stands before it, or is
the person whom the question asks about. So the state that is fed back as latent j is the one that would have written
the result of step j.
"""

import json
import random
import re
from collections import Counter

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

EOS, BOCOT, EOCOT, LATENT, UNK = "<|endoftext|>", "<|bocot|>", "<|eocot|>", "<|latent|>", "<unk>"
MARK = "###"
# "is a" and "is not" are one token each: a fact is then five tokens, and its two nouns two apart.
PIECES = r"is a(?![A-Za-z])|is not(?![A-Za-z])|\d+|[A-Za-z]+|###|\n|[^\sA-Za-z\d]"
SYMBOLS = ["=", "+", "-", "*", "/", ";", ":", MARK, "\n"]


def read_jsonl(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def pieces(text):
    return re.findall(PIECES, text)


def written_step(step, order):
    """One generator step as the text the model writes."""
    equation = re.fullmatch(r"<<(\d+)([-+*/])(\d+)=(\d+)>>", step)
    if equation:
        a, op, b, c = equation.groups()
        return f"{c} = {a} {op} {b} ;" if order == "result-first" else f"{a} {op} {b} = {c} ;"
    fact = re.fullmatch(r"(?:Every )?(\w+) is (a |not )?(\w+)\.", step)
    if not fact:
        raise ValueError(f"a step of no known form: {step!r}")
    _, kind, result = fact.groups()
    return f"is not {result}" if kind == "not " else result


def build_tokenizer(problems, numbers):
    """Word-level: every word of the training texts, the whole numbers 0..numbers-1, the symbols, the markers."""
    words = Counter(p for q in problems for t in (q["question"], q["answer"]) for p in pieces(t))
    words = sorted(w for w in words if not w.isdigit() and w not in SYMBOLS)
    specials = [UNK, EOS]
    vocabulary = specials + SYMBOLS + [str(n) for n in range(numbers)] + words
    vocabulary += [BOCOT, EOCOT, LATENT]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(vocabulary)}, unk_token=UNK))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), "removed", invert=True)
    tokenizer.decoder = decoders.WordPiece(prefix="@@", cleanup=True)
    tokenizer.add_special_tokens([UNK, EOS])
    tokenizer.add_tokens([BOCOT, EOCOT, LATENT])
    return tokenizer


def recallable(question):
    """(source, result) of every fact whose source has no other: what a look-up in the question must give."""
    facts = re.findall(r"(?:Every )?(\w+) (is a|is not|is) (\w+)\.", question.split(" True or false:")[0])
    count = Counter(source for source, _, _ in facts)
    result = lambda kind, word: f"is not {word}" if kind == "is not" else word
    return [(s, result(kind, word)) for s, kind, word in facts if count[s] == 1]


class Rows:
    """Problems as token ids, grouped by question length so that a batch needs no padding in front."""

    def __init__(self, problems, tokenizer, order, seed):
        vocabulary = tokenizer.get_vocab()
        ids = lambda text: [vocabulary.get(p, vocabulary[UNK]) for p in pieces(text)]
        self.groups, self.rng = {}, random.Random(seed)
        for problem in problems:
            question = ids(problem["question"] + "\n")
            steps = [ids(written_step(s, order)) for s in problem["steps"]]
            answer = [vocabulary[MARK], *ids(problem["answer"]), vocabulary[EOS]]
            facts = [(ids(s), ids(r)) for s, r in recallable(problem["question"])] if order == "path" else []
            self.groups.setdefault(len(question), []).append((question, steps, answer, facts))
        self.lengths = sorted(self.groups)
        self.weights = [len(self.groups[n]) for n in self.lengths]
        self.size = sum(self.weights)

    def batch(self, n):
        length = self.rng.choices(self.lengths, self.weights)[0]
        group = self.groups[length]
        return self.rng.sample(group, n) if len(group) >= n else list(group)

    def all_batches(self, n):
        for length in self.lengths:
            group = self.groups[length]
            for i in range(0, len(group), n):
                yield group[i : i + n]
