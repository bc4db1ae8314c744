"""Agreement of proxies with long training: figures from the committed results. See README.md.

    python experiments/proxy_fidelity/judge.py

Writes results/judgement.json and results/judgement.md.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, median

import numpy as np
from scipy.stats import kendalltau, spearmanr

from nas.spaces.architecture import decode

RESULTS = Path(__file__).parent / "results"
SETS = ("bccd", "scenes")
EQUAL = 0.10
"""Largest relative difference of equal latencies."""
RESAMPLED = 2000

Values = np.ndarray


class Truth:
    """Long trainings of one set.

    Attributes:
        score: Mean score of each member over its seeds.
        noise: Standard deviation between seeds, pooled over the members that were trained twice.
        between: Standard deviation between members of a band.
    """

    def __init__(self, name: str):
        members = list(csv.DictReader((RESULTS / "members.csv").open()))
        found: dict[str, dict[str, float]] = defaultdict(dict)
        self.seconds: list[float] = []
        for row in csv.DictReader((RESULTS / f"truth-{name}.csv").open()):
            found[row["arch"]][row["seed"]] = float(row["score"])
            self.seconds.append(float(row["seconds"]))
        kept = [member for member in members if "0" in found[member["arch"]]]
        self.archs = [member["arch"] for member in kept]
        self.bands = np.array([member["band"] for member in kept])
        self.sizes = {
            key: np.array([float(member[key]) for member in kept]) for key in ("latency_ms", "params", "macs")
        }
        self.latency = self.sizes["latency_ms"]
        self.score = np.array([fmean(found[arch].values()) for arch in self.archs])
        self.by_seed = {seed: np.array([found[a].get(seed, np.nan) for a in self.archs]) for seed in ("0", "1")}
        apart = self.by_seed["0"] - self.by_seed["1"]
        self.noise = float(np.sqrt(np.nanmean(apart**2) / 2))
        inside = [self.by_seed["0"][self.bands == band] for band in sorted(set(self.bands) - {"stock"})]
        self.between = float(np.sqrt(fmean(scores.var(ddof=1) for scores in inside)))

    def pairs(self, clear: bool = True) -> list[tuple[int, int]]:
        """Pairs of members of equal latency; ``clear`` leaves out pairs whose scores may differ by chance (95 %)."""
        least = 1.96 * 2**0.5 * self.noise if clear else 0.0
        return [
            (i, j)
            for i, j in itertools.combinations(range(len(self.archs)), 2)
            if abs(self.latency[i] / self.latency[j] - 1) <= EQUAL and abs(self.score[i] - self.score[j]) > least
        ]


def ordered(truth: Truth, values: Values, pairs: Sequence[tuple[int, int]]) -> float:
    """Share of pairs in the right order; a tie counts half."""
    signs = [(truth.score[i] - truth.score[j]) * np.sign(values[i] - values[j]) for i, j in pairs]
    return fmean(1.0 if sign > 0 else 0.5 if sign == 0 else 0.0 for sign in signs)


def interval(truth: Truth, values: Values, pairs: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """95 % interval of `ordered`, by resampling members: pairs that share a member are not independent."""
    rng, n = np.random.default_rng(0), len(truth.archs)
    one, other = np.array(pairs).T
    right = np.sign(truth.score[one] - truth.score[other]) * np.sign(values[one] - values[other]) / 2 + 0.5
    shares = []
    for _ in range(RESAMPLED):
        count = np.bincount(rng.integers(0, n, n), minlength=n)
        weight = count[one] * count[other]
        if weight.sum():
            shares.append(float((right * weight).sum() / weight.sum()))
    low, high = np.quantile(shares, (0.025, 0.975))
    return float(low), float(high)


def kendall(truth: Truth, values: Values) -> float:
    """Mean of Kendall's tau over the bands."""
    taus = []
    for band in sorted(set(truth.bands) - {"stock"}):
        inside = np.flatnonzero(truth.bands == band)
        signs = [
            np.sign(truth.score[i] - truth.score[j]) * np.sign(values[i] - values[j])
            for i, j in itertools.combinations(inside, 2)
        ]
        taus.append(fmean(signs))
    return fmean(taus)


def front(latency: Values, values: Values) -> list[int]:
    """The Pareto front of latencies and values."""
    order = sorted(range(len(values)), key=lambda i: (latency[i], -values[i]))
    kept: list[int] = []
    for i in order:
        if not kept or values[i] > values[kept[-1]]:
            kept.append(i)
    return kept


def regret(truth: Truth, values: Values) -> tuple[float, float, int]:
    """Mean and largest loss of true score, at the latencies of the true front, of the front by these values; and the
    number of its members. A front of all members loses nothing."""
    picked, losses = front(truth.latency, values), []
    for i in front(truth.latency, truth.score):
        within = [truth.score[j] for j in picked if truth.latency[j] <= truth.latency[i] * 1.02]
        losses.append(max(0.0, float(truth.score[i]) - max(map(float, within), default=0.0)))
    return fmean(losses), max(losses), len(picked)


def judged(truth: Truth, values: Values, seconds: float) -> dict[str, object]:
    """All figures of one proxy."""
    clear, every = truth.pairs(), truth.pairs(clear=False)
    mean, worst, picked = regret(truth, values)
    return {
        "pairs": ordered(truth, values, clear),
        "interval": interval(truth, values, clear),
        "all_pairs": ordered(truth, values, every),
        "kendall": kendall(truth, values),
        "regret": mean,
        "worst_regret": worst,
        "picked": picked,
        "seconds": seconds,
    }


def ceiling(truth: Truth) -> dict[str, float | None]:
    """Share of pairs that two long trainings order alike, over members that were trained twice."""
    twice = np.flatnonzero(~np.isnan(truth.by_seed["1"]))
    pairs = [(i, j) for i, j in truth.pairs() if i in twice and j in twice]
    every = [(i, j) for i, j in truth.pairs(clear=False) if i in twice and j in twice]

    def agree(among: Sequence[tuple[int, int]]) -> float | None:
        a, b = truth.by_seed["0"], truth.by_seed["1"]
        return None if not among else fmean(float((a[i] - a[j]) * (b[i] - b[j]) > 0) for i, j in among)

    return {"pairs": agree(pairs), "number": len(pairs), "all_pairs": agree(every), "all_number": len(every)}


def trainer(truth: Truth, name: str) -> dict[str, float | None] | None:
    """Agreement of the truth with Ultralytics' trainer on the same members (trainer.py): the share of clear pairs in
    the same order, of all latencies and of equal ones, and rank correlations."""
    path = RESULTS / f"trainer-{name}.csv"
    if not path.exists():
        return None
    found = {row["arch"]: float(row["score"]) for row in csv.DictReader(path.open())}
    values = np.array([found.get(arch, np.nan) for arch in truth.archs])
    both = np.flatnonzero(~np.isnan(values))
    least = 1.96 * 2**0.5 * truth.noise
    clear = [(i, j) for i, j in itertools.combinations(both, 2) if abs(truth.score[i] - truth.score[j]) > least]
    equal = [pair for pair in truth.pairs() if set(pair) <= set(both)]
    return {
        "members": len(both),
        "spearman": float(spearmanr(truth.score[both], values[both]).statistic),
        "kendall": float(kendalltau(truth.score[both], values[both]).statistic),
        "clear_pairs": ordered(truth, values, clear),
        "clear_number": len(clear),
        "equal_latency_pairs": ordered(truth, values, equal) if equal else None,
        "equal_latency_number": len(equal),
    }


def proxies(truth: Truth, name: str) -> dict[str, tuple[Values, float]]:
    """Scores of the truth's members and median of their seconds, by proxy and seed."""
    path = RESULTS / f"scores-{name}.csv"
    rows = list(csv.DictReader(path.open())) if path.exists() else []
    latest = {row["proxy"]: row["fingerprint"] for row in rows}
    by_key: dict[str, dict[str, float]] = defaultdict(dict)
    seconds: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row["fingerprint"] == latest[row["proxy"]]:
            key = f"{row['proxy']}, seed {row['seed']}"
            by_key[key][row["arch"]] = float(row["score"])
            seconds[key].append(float(row["seconds"]))
            if row["loss"]:
                by_key[f"{key}, loss"][row["arch"]] = -float(row["loss"])
                seconds[f"{key}, loss"].append(float(row["seconds"]))
    return {
        key: (np.array([found[arch] for arch in truth.archs]), median(seconds[key]))
        for key, found in by_key.items()
        if all(arch in found for arch in truth.archs)
    }


def bias(truth: Truth, values: Values, described: Callable[[str], Sequence[float]]) -> list[float]:
    """Standardized slopes of the proxy's error on the numbers that ``described`` returns for an architecture."""
    z = (values - values.mean()) / values.std() - (truth.score - truth.score.mean()) / truth.score.std()
    x = np.array([described(arch) for arch in truth.archs], dtype=float)
    x = (x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1)
    slopes, *_ = np.linalg.lstsq(np.column_stack([np.ones(len(z)), x]), z, rcond=None)
    return [float(slope) for slope in slopes[1:]]


def shape(arch: str) -> tuple[float, float, float]:
    """Depth, logarithm of the width, and number of stages with another operator."""
    stages = decode(arch).backbone
    return (
        sum(stage.depth for stage in stages),
        sum(float(np.log2(stage.channels)) for stage in stages),
        sum(stage.family != "c2f" for stage in stages),
    )


def main() -> None:
    found: dict[str, object] = {}
    lines = []
    for name in SETS:
        if not (RESULTS / f"truth-{name}.csv").exists():
            continue
        truth = Truth(name)
        facts: dict[str, object] = {
            "members": len(truth.archs),
            "sd_between_members": truth.between,
            "sd_between_seeds": truth.noise,
            "ratio": truth.between / truth.noise,
            "pairs": len(truth.pairs()),
            "all_pairs": len(truth.pairs(clear=False)),
            "seconds": median(truth.seconds),
            "ceiling": ceiling(truth),
            "nas train": trainer(truth, name),
        }
        judgements = {key: judged(truth, values, 0.0) for key, values in truth.sizes.items()}
        slopes = {}
        for source in (name, "shapes"):
            for key, (values, seconds) in proxies(truth, source).items():
                label = key if source == name else f"{key}, on shapes"
                judgements[label] = judged(truth, values, seconds)
                slopes[label] = dict(zip(("depth", "width", "changed"), bias(truth, values, shape), strict=True))
        found[name] = {**facts, "proxies": judgements, "error_on": slopes}
        lines += table(name, facts, judgements)
    (RESULTS / "judgement.json").write_text(json.dumps(found, indent=1) + "\n")
    (RESULTS / "judgement.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def table(name: str, facts: dict[str, object], judgements: dict[str, dict[str, object]]) -> list[str]:
    """Markdown."""
    lines = [f"## {name}", "", ", ".join(f"{key} {shown(value)}" for key, value in facts.items()), ""]
    columns = list(next(iter(judgements.values())))
    lines += ["| proxy | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for key, figures in judgements.items():
        lines.append(f"| {key} | " + " | ".join(shown(figures[column]) for column in columns) + " |")
    return [*lines, ""]


def shown(value: object) -> str:
    if isinstance(value, tuple):
        return " to ".join(map(shown, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {shown(part)}" for key, part in value.items())
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
