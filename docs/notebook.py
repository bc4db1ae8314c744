"""A search, step by step.

Open this file in VS Code, PyCharm or Jupyter (with jupytext) and run it cell by cell. It searches a tiny space on the
built-in data set ``shapes``, which takes some minutes, shows the front, and predicts the latency of a model.
"""

# %% Search
from pathlib import Path

import matplotlib.pyplot as plt

import nas

config = nas.SearchConfig(space="tiny", data="shapes", imgsz=64, budget=12, out=Path("runs/notebook"))
result = nas.run_search(config)

# %% The front, fastest first
for model in result.front:
    print(f"{model.name:16} AP {model.score:.3f}  {model.latency:6.2f} ms  {model.params / 1e6:.2f} M  {model.arch}")
print(result.score_noise)

# %% All candidates, and the front
trials = result.run.table("trials").dropna(subset=["score"])
figure, axes = plt.subplots(figsize=(6, 4))
axes.scatter(trials.latency_ms, trials.score, color="0.7", label="candidates (predicted latency)")
axes.plot([m.latency for m in result.front], [m.score for m in result.front], "o-", label="front")
axes.plot(result.stock.latency, result.stock.score, "s", label="stock")
axes.set(xlabel="latency of one image, ms", ylabel="AP50-95 after a short training")
axes.legend()
figure.savefig("runs/notebook/front.svg")

# %% Cost of a model, row by row
detector = nas.load_detector(result.front[0].yaml)
cost = detector.cost(imgsz=64)
print(f"{cost.params:,} parameters, {cost.macs:,} MACs")

# %% Its latency, predicted from the table that the search has measured
table = nas.open_table(config.device, runtime=config.runtime, threads=config.threads)
prediction = table.predict(detector, imgsz=64)
print(f"{prediction.total_ms:.2f} ms; slowest rows:")
for ms, number in sorted(((ms, number) for number, ms in enumerate(prediction.rows)), reverse=True)[:3]:
    print(f"  row {number:2}  {ms:.2f} ms  {detector.rows[number].module}")

# %% Its torch module
network = detector.network(seed=0)
print(sum(parameter.numel() for parameter in network.parameters()), "parameters in torch")
