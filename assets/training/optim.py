"""Muon: momentum whose matrix updates are orthogonalised (Jordan 2024), for the transformer's weight matrices."""

import torch


def orthogonalise(m, steps=5):
    """The nearest semi-orthogonal matrix to m, by a quintic Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = m.shape[0] <= m.shape[1]
    x = m if wide else m.T
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        y = x @ x.T
        x = a * x + (b * y + c * y @ y) @ x
    return x if wide else x.T


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                buf = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buf.lerp_(p.grad, 1 - group["momentum"])
                update = p.grad.lerp(buf, group["momentum"])
                # q, k and v share one stored matrix [d, 3d]: each is orthogonalised by itself.
                parts = update.split(p.shape[0], dim=1) if p.shape[1] == 3 * p.shape[0] else [update]
                update = torch.cat([orthogonalise(u) * max(1, u.shape[1] / u.shape[0]) ** 0.5 for u in parts], 1)
                p.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"])
