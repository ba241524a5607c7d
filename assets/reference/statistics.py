"""Computes with scipy, statsmodels and scikit-learn what src/core/stats computes, for src/core/stats/tests/mod.rs (under a minute):

    pip install -r assets/reference/requirements.txt
    python assets/reference/statistics.py > tests/data/statistics.json

Where no library has a statistic it is computed here in another way than there: by going through all orders of tied rows, all
resamples, or by solving the defining equation. The inputs are in the file beside the results.
"""

import itertools
import json

import numpy as np
from scipy import optimize, stats
from sklearn import calibration, metrics, model_selection
from statsmodels.stats import contingency_tables, multitest, proportion

rng = np.random.default_rng(20240607)
COUNTS = [(0, 1), (1, 1), (1, 2), (1, 10), (0, 20), (3, 20), (10, 100), (99, 100), (500, 1000), (999, 1000), (4000, 12000)]


def shares():
    exact = lambda hits, n: None if hits in (0, n) else proportion.proportion_confint(hits, n, method="beta")
    return [
        {"hits": hits, "n": n, "wilson": proportion.proportion_confint(hits, n, method="wilson"), "exact": exact(hits, n)}
        for hits, n in COUNTS
    ]


def means():
    samples = [[1, 2, 3, 4], [0.5, -0.5], list(rng.normal(3, 2, 12).round(2)), list(rng.normal(0, 1, 50).round(2))]
    return [
        {"samples": x, "interval": stats.t.interval(0.95, len(x) - 1, np.mean(x), stats.sem(x))}
        for x in samples
    ]


def tails():
    cases = [(1, 1, 0.5), (5, 10, 0.2), (1, 1000, 1e-4), (60, 100, 0.5), (100, 100, 0.9), (350, 2000, 0.15), (2600, 5000, 0.5)]
    return [{"hits": h, "n": n, "rate": p, "at_least": stats.binom.sf(h - 1, n, p)} for h, n, p in cases]


def area_under_risk(scores, positive):
    """The mean risk over all coverages, averaged over every order that the scores allow; none where they are too many."""
    groups = [np.flatnonzero(scores == s) for s in sorted(set(scores), reverse=True)]
    if np.prod([float(np.prod(range(1, len(g) + 1))) for g in groups]) > 50_000:
        return None
    areas = []
    for orders in itertools.product(*[list(itertools.permutations(g)) for g in groups]):
        wrong = ~positive[np.concatenate(orders)]
        areas.append(np.mean(np.cumsum(wrong) / np.arange(1, len(wrong) + 1)))
    return np.mean(areas)


def risk_coverage(scores, positive):
    thresholds = sorted(set(scores), reverse=True)
    return [(np.mean(scores >= t), np.mean(~positive[scores >= t])) for t in thresholds]


def ranking(scores, positive, weights=None):
    scores, positive = np.array(scores, float), np.array(positive, bool)
    both = positive.any() and not positive.all()
    fpr, tpr, _ = metrics.roc_curve(positive, scores, drop_intermediate=False) if both else ([], [], [])
    small = len(scores) <= 12
    case = {
        "scores": scores.tolist(),
        "positive": positive.astype(int).tolist(),
        "auroc": metrics.roc_auc_score(positive, scores) if both else None,
        "aupr": metrics.average_precision_score(positive, scores) if positive.any() else None,
        "fpr_at_95": min(fpr[tpr >= 0.95]) if both else None,
        "aurc": area_under_risk(scores, positive),
        "roc": list(zip(fpr, tpr)) if small and both else None,
        "risk_coverage": risk_coverage(scores, positive) if small else None,
        "weighted": None,
    }
    if weights is not None:
        case["weighted"] = {
            "weights": weights,
            "auroc": metrics.roc_auc_score(positive, scores, sample_weight=weights),
            "aupr": metrics.average_precision_score(positive, scores, sample_weight=weights),
        }
    return case


def rankings():
    wide = rng.normal(0, 1, 60).round(3)
    tied = rng.integers(0, 7, 120)
    return [
        ranking([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], [3, 0, 2, 1]),
        ranking([0.5, 0.5], [0, 1]),
        ranking([1, 1, 1, 1, 1, 1], [1, 0, 0, 1, 1, 0]),
        ranking([2, 2, 2, 1, 1, 0], [1, 0, 1, 1, 0, 0], [1, 2, 0, 4, 1, 1]),
        ranking([3, 2, 2, 1, 1, 1, -1], [0, 1, 0, 1, 1, 0, 1]),
        ranking([1, 2, 3], [1, 1, 1]),
        ranking([1, 2, 3], [0, 0, 0]),
        ranking([0.3], [1]),
        ranking([-2.5, 0, -0.0, 7], [0, 1, 0, 1]),
        ranking(rng.permutation(40), np.arange(40) == 11),
        ranking(rng.permutation(40), np.arange(40) != 11),
        ranking(wide, rng.random(60) < 1 / (1 + np.exp(-2 * wide)), rng.poisson(1, 60).tolist()),
        ranking(tied, rng.random(120) < 0.2 + 0.1 * tied, rng.poisson(1, 120).tolist()),
    ]


def bootstrap():
    """The exact distribution of the mean under resampled clusters: all 5^5 draws, each as likely."""
    clusters = [0, 0, 0, 1, 2, 2, 3, 3, 3, 3, 4]
    values = [1.0, 0.0, 2.5, 4.0, 0.5, 3.0, 1.5, 2.0, 2.0, 0.0, 7.0]
    named, rows = np.array(clusters), np.array(values)
    sums = [rows[named == c].sum() for c in range(5)]
    sizes = [(named == c).sum() for c in range(5)]
    draws = itertools.product(range(5), repeat=5)
    all_means = [sum(sums[c] for c in draw) / sum(sizes[c] for c in draw) for draw in draws]
    around = lambda share: (np.quantile(all_means, share - 0.005), np.quantile(all_means, share + 0.005))
    scores = rng.normal(0, 1, 80).round(2)
    positive = rng.random(80) < 1 / (1 + np.exp(-scores))
    by_scipy = stats.bootstrap(
        (scores, positive), metrics_auroc, paired=True, vectorized=False, n_resamples=20_000, method="percentile", rng=rng
    ).confidence_interval
    return {
        "clusters": clusters,
        "values": values,
        "low": around(0.025),
        "high": around(0.975),
        "scores": scores.tolist(),
        "positive": positive.astype(int).tolist(),
        "auroc_interval": list(by_scipy),
    }


def metrics_auroc(scores, positive):
    return metrics.roc_auc_score(positive.astype(bool), scores)


def newcombe(both, first, second, neither):
    """Method 10 for pairs; the correlation is that of the written-out rows, cut by half a row."""
    n = both + first + second + neither
    rows = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [both, first, second, neither], axis=0)
    share = rows.mean(axis=0)
    phi = np.corrcoef(rows.T)[0, 1] if rows.std(axis=0).all() else 0.0
    covariance = both * neither - first * second
    if covariance > 0:
        phi *= max(covariance - n / 2, 0) / covariance
    ends = [proportion.proportion_confint(rows[:, i].sum(), n, method="wilson") for i in (0, 1)]
    down, up = [share[i] - ends[i][0] for i in (0, 1)], [ends[i][1] - share[i] for i in (0, 1)]
    joined = lambda a, b: np.sqrt(max(np.array([a, -b]) @ np.array([[1, phi], [phi, 1]]) @ np.array([a, -b]), 0))
    difference = share[0] - share[1]
    return [max(difference - joined(down[0], up[1]), -1), min(difference + joined(up[0], down[1]), 1)]


def pairs():
    tables = [(1, 1, 7, 12), (59, 6, 16, 80), (0, 0, 0, 1), (1, 0, 0, 0), (0, 1, 0, 0), (5, 0, 0, 5), (0, 9, 3, 0), (20, 12, 2, 16),
              (50, 0, 0, 50), (980, 15, 4, 1), (3, 100, 60, 3), (0, 0, 8, 40)]
    exact = lambda t: contingency_tables.mcnemar([[t[0], t[1]], [t[2], t[3]]], exact=True).pvalue
    return [{"table": t, "mcnemar": exact(t), "interval": newcombe(*t)} for t in tables]


def independent():
    cases = [(56, 70, 48, 80), (9, 10, 3, 10), (0, 10, 0, 20), (10, 10, 0, 20), (5, 56, 0, 29), (1, 1, 0, 1), (700, 1000, 650, 900)]
    ci = lambda c: proportion.confint_proportions_2indep(*c, compare="diff", method="newcomb")
    return [{"counts": c, "interval": ci(c)} for c in cases]


def published():
    cases = [(3, 20, 0.5), (0, 5, 0.1), (5, 5, 0.9), (42, 100, 0.5), (10, 20, 0.5), (7, 20, 0.35), (412, 1319, 0.34), (0, 8, 0.0),
             (1, 8, 0.0), (8, 8, 1.0), (0, 0, 0.5), (1, 1, 0.5)]
    p = lambda h, n, r: stats.binomtest(h, n, r).pvalue if n else 1.0
    return [{"hits": h, "n": n, "rate": r, "p": p(h, n, r)} for h, n, r in cases]


def false_discovery():
    lists = [[0.01, 0.04, 0.03, 0.005, 0.6], [0.5], [0.02, 0.02, 0.02], [1, 1, 0], list((rng.random(25) ** 3).round(4))]
    return [{"p": p, "q": multitest.multipletests(p, method="fdr_bh")[1].tolist()} for p in lists]


def detectable():
    z_test, z_power = stats.norm.ppf([0.975, 0.8])
    connor = lambda d, n, psi: n * d**2 - (z_test * np.sqrt(psi) + z_power * np.sqrt(psi - d**2)) ** 2
    paired = []
    for n, psi in [(50, 0.3), (100, 0.1), (200, 1), (1319, 0.12), (1319, 0.004), (20, 0.2), (4, 1)]:
        found = connor(psi, n, psi) >= 0
        paired.append({"n": n, "discordant": psi, "d": optimize.brentq(connor, 1e-9, psi, args=(n, psi), xtol=1e-14) if found else None})
    power = lambda d, base, n1, n2: proportion.power_proportions_2indep(
        d, base, n2, ratio=n1 / n2, alpha=0.05, return_results=False) - 0.8
    two = []
    for base, n1, n2 in [(0.5, 100, 100), (0.1, 200, 50), (0.9, 500, 700), (0.34, 1319, 1319), (0.02, 40, 400), (0.98, 100, 100)]:
        found = power(1 - base - 1e-9, base, n1, n2) >= 0
        root = optimize.brentq(power, 1e-6, 1 - base - 1e-9, args=(base, n1, n2), xtol=1e-12) if found else None
        two.append({"baseline": base, "n_1": n1, "n_2": n2, "d": root})
    return {"paired": paired, "independent": two}


def calibrated():
    rng.normal(size=40)  # Drawn by a section that was removed; what follows depends on it.
    n = 90
    groups = rng.integers(0, 4, n)
    groups[7] = 9  # alone in its group
    correct = rng.random(n) < 0.15 + 0.2 * groups.clip(0, 3)
    clusters = rng.integers(0, 30, n)
    fitted = {}
    for name, named in [("rows", np.arange(n)), ("clusters_left_out", clusters)]:
        p = np.zeros(n)
        for train, test in model_selection.LeaveOneGroupOut().split(groups, correct, named):
            for i in test:
                alike = correct[train][groups[train] == groups[i]]
                p[i] = alike.mean() if len(alike) else correct[train].mean()
        true, said = calibration.calibration_curve(correct, p, n_bins=10, strategy="uniform")
        sizes = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], p), minlength=10)
        error = np.average(np.abs(true - said), weights=sizes[sizes > 0])
        fitted[name] = {"p": p.tolist(), "brier": metrics.brier_score_loss(correct, p), "error": error}
    return {"groups": groups.tolist(), "correct": correct.astype(int).tolist(), "clusters": clusters.tolist(), **fitted}


def quantiles():
    values = sorted(rng.normal(0, 1, 9).round(2).tolist())
    return {"values": values, "at": [[q, np.quantile(values, q)] for q in (0, 0.025, 0.3, 0.5, 0.975, 1)]}


def plain(value):
    """Numbers as JSON has them, to 12 significant digits."""
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        short = float(f"{value:.12g}")
        return int(short) if short.is_integer() and str(short) != "-0.0" else short
    return value.item() if isinstance(value, np.generic) else value


sections = {f.__name__: plain(f()) for f in (shares, means, tails, rankings, bootstrap, pairs, independent, published,
                                              false_discovery, detectable, calibrated, quantiles)}
lines = []
for name, section in sections.items():
    if isinstance(section, list):
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in section)
        lines.append(f'"{name}":[\n{rows}\n]')
    else:
        lines.append(f'"{name}":{json.dumps(section, separators=(",", ":"))}')
print("{\n" + ",\n".join(lines) + "\n}")
