"""The same timings as `undertone bench`, by hand-written PyTorch: a GPT-2 over a preallocated key-value cache with
`scaled_dot_product_attention`, f32 on the CPU. `undertone bench --reference "python benches/reference.py"` runs it on
the same checkpoint and prints the ratios.

Prints one JSON object: rates in tokens a second (latent steps a second), each of the fastest of REPEATS.
"""

import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

PROMPT, CONTEXT, DECODED, ROWS, LATENTS = 128, 64, 16, 32, 6


class Gpt2:
    def __init__(self, folder):
        self.cfg = json.loads((folder / "config.json").read_text())
        weights = load_file(folder / "model.safetensors")
        prefix = next(n for n in weights if n.endswith("transformer.wte.weight"))[: -len("wte.weight")]
        self.w = {n[len(prefix) :]: t.float() for n, t in weights.items() if n.startswith(prefix)}
        self.heads, self.layers = self.cfg["n_head"], self.cfg["n_layer"]

    def new_cache(self, rows, length):
        d = self.cfg["n_embd"] // self.heads
        return [torch.zeros(2, rows, self.heads, length, d) for _ in range(self.layers)]

    def forward(self, x, cache, start):
        """x (b, t, d) at positions start.. -> hidden states after the final norm (b, t, d); fills the cache."""
        w, (b, t, d) = self.w, x.shape
        x = x + w["wpe.weight"][start : start + t]
        for i in range(self.layers):
            p = f"h.{i}."
            y = F.layer_norm(x, (d,), w[p + "ln_1.weight"], w[p + "ln_1.bias"])
            qkv = torch.addmm(w[p + "attn.c_attn.bias"], y.reshape(-1, d), w[p + "attn.c_attn.weight"])
            q, k, v = (z.view(b, t, self.heads, -1).transpose(1, 2) for z in qkv.view(b, t, 3 * d).split(d, 2))
            cache[i][0, :, :, start : start + t], cache[i][1, :, :, start : start + t] = k, v
            k, v = cache[i][0, :, :, : start + t], cache[i][1, :, :, : start + t]
            y = F.scaled_dot_product_attention(q, k, v, is_causal=t > 1)
            y = y.transpose(1, 2).reshape(-1, d)
            x = x + torch.addmm(w[p + "attn.c_proj.bias"], y, w[p + "attn.c_proj.weight"]).view(b, t, d)
            y = F.layer_norm(x, (d,), w[p + "ln_2.weight"], w[p + "ln_2.bias"]).reshape(-1, d)
            y = F.gelu(torch.addmm(w[p + "mlp.c_fc.bias"], y, w[p + "mlp.c_fc.weight"]), approximate="tanh")
            x = x + torch.addmm(w[p + "mlp.c_proj.bias"], y, w[p + "mlp.c_proj.weight"]).view(b, t, d)
        return F.layer_norm(x, (d,), w["ln_f.weight"], w["ln_f.bias"])

    def logits(self, hidden):
        return hidden @ self.w["wte.weight"].T

    def embed(self, ids):
        return self.w["wte.weight"][ids]


def best(repeats, run):
    run()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


@torch.no_grad()
def main():
    folder, repeats = Path(sys.argv[1]), int(os.environ.get("REPEATS", "5"))
    began = time.perf_counter()
    model = Gpt2(folder)
    load = time.perf_counter() - began
    ids = lambda n: torch.tensor([[3 + i * 7 % 40 for i in range(n)]])

    def prefill():
        return model.logits(model.forward(model.embed(ids(PROMPT)), model.new_cache(1, PROMPT), 0)[:, -1])

    cache = model.new_cache(1, CONTEXT + max(DECODED, LATENTS))
    hidden = model.forward(model.embed(ids(CONTEXT)), cache, 0)[:, -1:]

    def latents():
        last = hidden
        for i in range(LATENTS):
            last = model.forward(last, cache, CONTEXT + i)
        return model.logits(last)

    def decode(cache, rows):
        token = model.embed(torch.full((rows, 1), 5))
        for i in range(DECODED):
            model.logits(model.forward(token, cache, CONTEXT + i)[:, -1])

    many = [layer.expand(2, ROWS, *layer.shape[2:]).clone() for layer in cache]
    print(
        json.dumps(
            {
                "what": f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads",
                "load_ms": load * 1e3,
                "prefill_tokens_per_s": PROMPT / best(repeats, prefill),
                "latent_steps_per_s": LATENTS / best(repeats, latents),
                "answer_tokens_per_s": DECODED / best(repeats, lambda: decode(cache, 1)),
                "batch_32_tokens_per_s": DECODED * ROWS / best(repeats, lambda: decode(many, ROWS)),
            }
        )
    )


if __name__ == "__main__":
    main()
