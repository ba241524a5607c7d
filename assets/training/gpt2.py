"""GPT-2 in plain PyTorch, with the parameter names and layouts of the published checkpoints.

Only what the recipe needs: a forward pass over input vectors that continues a key-value cache,
so that a hidden state can be fed back as the next input (docs/methods.md M1.6).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


class Conv1D(nn.Module):
    """A linear layer whose weight is stored [in, out], as GPT-2 checkpoints do."""

    def __init__(self, n_in, n_out, std):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out) * std)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return torch.addmm(self.bias, x.reshape(-1, x.shape[-1]), self.weight).view(*x.shape[:-1], -1)


class Attention(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        d, std = cfg["n_embd"], 0.02
        self.n_head = cfg["n_head"]
        self.c_attn = Conv1D(d, 3 * d, std)
        self.c_proj = Conv1D(d, d, std / math.sqrt(2 * cfg["n_layer"]))

    def forward(self, x, past):
        b, t, d = x.shape
        q, k, v = (
            z.view(b, t, self.n_head, d // self.n_head).transpose(1, 2)
            for z in self.c_attn(x).split(d, dim=2)
        )
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        s = k.shape[2]
        if t == s:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = None if t == 1 else torch.ones(t, s, dtype=torch.bool, device=x.device).tril(s - t)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.c_proj(y.transpose(1, 2).reshape(b, t, d)), (k, v)


class Mlp(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        d = cfg["n_embd"]
        self.c_fc = Conv1D(d, 4 * d, 0.02)
        self.c_proj = Conv1D(4 * d, d, 0.02 / math.sqrt(2 * cfg["n_layer"]))

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.ln_1 = nn.LayerNorm(cfg["n_embd"], eps=cfg["layer_norm_epsilon"])
        self.attn = Attention(cfg)
        self.ln_2 = nn.LayerNorm(cfg["n_embd"], eps=cfg["layer_norm_epsilon"])
        self.mlp = Mlp(cfg)

    def forward(self, x, past):
        y, kv = self.attn(self.ln_1(x), past)
        x = x + y
        return x + self.mlp(self.ln_2(x)), kv


class Gpt2(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.wte = nn.Embedding(cfg["vocab_size"], cfg["n_embd"])
        self.wpe = nn.Embedding(cfg["n_positions"], cfg["n_embd"])
        nn.init.normal_(self.wte.weight, std=0.05)
        nn.init.normal_(self.wpe.weight, std=0.02)
        self.h = nn.ModuleList(Block(cfg) for _ in range(cfg["n_layer"]))
        self.ln_f = nn.LayerNorm(cfg["n_embd"], eps=cfg["layer_norm_epsilon"])

    def forward(self, vectors, cache=None):
        """vectors (b, t, d) -> hidden states after the final norm (b, t, d), and the grown cache."""
        start = 0 if cache is None else cache[0][0].shape[2]
        x = vectors + self.wpe.weight[start : start + vectors.shape[1]]
        grown = []
        for i, block in enumerate(self.h):
            x, kv = block(x, None if cache is None else cache[i])
            grown.append(kv)
        return self.ln_f(x), grown

    def logits(self, hidden):
        return hidden @ self.wte.weight.T
