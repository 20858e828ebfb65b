"""Compare sampling and training on a GPU to the CPU.

    python benchmarks/gpu.py [--device cuda] [--output benchmarks/gpu.json] [--small] [--table]

takes less than four minutes. It samples German names from the included model on both, in single precision (FP32) and
with TensorFloat-32 (TF32) matrix products, and trains the default recipe and a network of 1,024 units. It prints the
figures as it goes and writes them to a JSON file after each part, so that an interrupted run loses only the rest. With
`--table`, it only writes those in benchmarks/gpu.json to docs/gpu.md. `--small` measures next to nothing, as a test of
the script; it works with `--device cpu`, too.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import namegen
from namegen.models.categories import find_blend
from namegen.models.devices import find_device
from namegen.sampling.name_filters import Filters
from namegen.sampling.partition import BLOCK_SIZE
from namegen.sampling.rejection import RejectionSampler

if TYPE_CHECKING:
    from namegen.datasets.encoding import EncodedNames

HERE = Path(__file__).parent
RESULTS = HERE / "gpu.json"
PAGE = HERE.parent / "docs" / "gpu.md"
BEGIN, END = "<!-- made by benchmarks/gpu.py -->\n", "<!-- until here -->\n"
CATEGORY = "German"
PRECISIONS = {"FP32": "highest", "TF32": "high"}
NETWORKS: dict[str, dict[str, Any]] = {
    "the default recipe": {},
    "1,024 units, batches of 4,096": {"hidden_size": 1024, "batch_size": 4096},
}


@dataclass(frozen=True)
class Sizes:
    """The sizes of the measurement.

    Attributes:
        compared: the number of names that are compared between the devices.
        sampled: the number of names that are sampled on the device.
        sampled_cpu: the number of names that are sampled on the CPU.
        steps: the number of steps of training each network on the device, and on the CPU.
        hidden_size: the number of units instead of 1,024, and
        batch_size: of names in a batch instead of 4,096.
    """

    compared: int = 200_000
    sampled: int = 10_000_000
    sampled_cpu: int = 500_000
    steps: tuple[tuple[int, int], ...] = ((1000, 400), (60, 3))
    hidden_size: int = 1024
    batch_size: int = 4096


SMALL = Sizes(compared=400, sampled=600, sampled_cpu=400, steps=((4, 4), (4, 4)), hidden_size=32, batch_size=64)


def wait(device: torch.device) -> None:
    """Wait until a device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def describe_machine(device: torch.device) -> dict[str, object]:
    """Return the date, machine and versions of the measurement."""
    cpus = re.findall(r"(?m)^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return {
        "date": dt.datetime.now(dt.timezone.utc).date().isoformat(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "processor": cpus[0] if cpus else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }


def begin_peak(device: torch.device) -> None:
    """Begin to measure the memory of a device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak_mb(device: torch.device) -> float | None:
    """Return the largest memory that tensors on a GPU have taken, in MB."""
    return torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None


class Sampling:
    """Samples names of one category with the model's own settings.

    Args:
        model: the model.
        device: the device; ``None`` for numpy on the CPU.
        filters: the filters.
    """

    def __init__(self, model: namegen.Model, device: torch.device | None, filters: Filters) -> None:
        blend = find_blend(model, CATEGORY)
        self._sampler = RejectionSampler(model, model.sampling, filters, blend, device)

    def sample(self, first: int, count: int) -> EncodedNames:
        """Return names with the numbers from ``first`` on."""
        numbers = np.arange(first, first + count)
        sampled = self._sampler.sample([""], np.zeros_like(numbers), 1, numbers)
        if sampled.failure:
            raise sampled.failure
        return sampled.names

    def measure(self, count: int) -> float:
        """Return how many names are sampled per second, in blocks; one block before does not count."""
        self.sample(0, min(count, BLOCK_SIZE))
        begin = time.perf_counter()
        for first in range(0, count, BLOCK_SIZE):
            self.sample(first, min(BLOCK_SIZE, count - first))
        return count / (time.perf_counter() - begin)


def measure_sampling(model: namegen.Model, device: torch.device, sizes: Sizes) -> dict[str, Any]:
    """Measure the agreement of names and the speed of sampling.

    The sampler includes the plausibility floor, the samples that it takes to replace rejected names, and the copy of
    the names to the CPU. With filters, the CPU also compares the names with the list of offensive words.
    """
    bare, expected = Filters(allow_offensive=True), Sampling(model, None, Filters()).sample(0, sizes.compared)
    figures: dict[str, Any] = {"cpu names/s": Sampling(model, None, Filters()).measure(sizes.sampled_cpu)}
    for precision, name in PRECISIONS.items():
        torch.set_float32_matmul_precision(name)
        begin_peak(device)
        ours = Sampling(model, device, Filters()).sample(0, sizes.compared)
        figures[precision] = {
            "different names": int((ours.keys() != expected.keys()).sum()),
            "sampler names/s": Sampling(model, device, bare).measure(sizes.sampled),
            "filtered names/s": Sampling(model, device, Filters()).measure(sizes.sampled),
            "peak MB": peak_mb(device),
        }
    torch.set_float32_matmul_precision("highest")
    return figures | {"compared": sizes.compared, "sampled": sizes.sampled}


def measure_training(device: torch.device, steps: int, parts: dict[str, Any]) -> dict[str, Any]:
    """Measure the speed of training on the starter names, in names per second after the first report."""
    # The recipe takes other settings for few iterations.
    config = namegen.training_config("default", **parts)
    config = replace(config, iterations=(steps + 1) * config.batch_size, validation=0.0, seed=1)
    reports: list[tuple[float, int]] = []

    def report(progress: Any) -> None:  # noqa: ANN401
        wait(device)
        reports.append((time.perf_counter(), progress.iteration))

    begin_peak(device)
    threads = os.cpu_count() if device.type == "cpu" and "hidden_size" in parts else None
    namegen.train(namegen.open_dataset("starter"), config, device=str(device), threads=threads, report=report)
    (first_time, first), (last_time, last) = reports[0], reports[-1]
    return {"names/s": (last - first) / (last_time - first_time), "peak MB": peak_mb(device)}


def measure(device: torch.device, sizes: Sizes, output: Path) -> dict[str, Any]:
    """Measure everything, and write the figures after each part."""
    begin = time.perf_counter()
    results: dict[str, Any] = {"machine": describe_machine(device)}

    def save(**part: Any) -> None:  # noqa: ANN401
        results.update(part, seconds=time.perf_counter() - begin)
        print(json.dumps(part, indent=1), flush=True)
        output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")

    save(sampling=measure_sampling(namegen.load_model("pretrained"), device, sizes))
    training: dict[str, Any] = {}
    for (network, parts), (steps, steps_cpu) in zip(NETWORKS.items(), sizes.steps, strict=True):
        own = parts and {"hidden_size": sizes.hidden_size, "batch_size": sizes.batch_size}
        training[network] = {
            "device": measure_training(device, steps, own),
            "cpu": measure_training(torch.device("cpu"), steps_cpu, own),
        }
        save(training=training)
    return results


def table(results: dict[str, Any]) -> str:
    """Return the figures as tables, followed by the conditions of the measurement."""
    sampling, training, about = results["sampling"], results["training"], results["machine"]

    def memory(part: dict[str, Any]) -> str:
        return "" if part["peak MB"] is None else f"{part['peak MB']:,.0f} MB"

    lines = [
        "| sampling German names | names/s | names/s with filters | different names | GPU memory |",
        "| --- | --- | --- | --- | --- |",
        f"| CPU, one core | | {sampling['cpu names/s']:,.0f} | | |",
    ]
    for precision in PRECISIONS:
        part = sampling[precision]
        rates = f"{part['sampler names/s']:,.0f} | {part['filtered names/s']:,.0f}"
        differs = f"{part['different names']:,} of {sampling['compared']:,}"
        lines.append(f"| GPU, {precision} | {rates} | {differs} | {memory(part)} |")
    lines += ["", "| training | CPU, names/s | GPU, names/s | GPU memory |", "| --- | --- | --- | --- |"]
    for network, part in training.items():
        rates = f"{part['cpu']['names/s']:,.0f} | {part['device']['names/s']:,.0f}"
        lines.append(f"| {network} | {rates} | {memory(part['device'])} |")
    lines += [
        "",
        f"{sampling['sampled']:,} names were sampled on the GPU. *Filters* is the list of offensive words, which the",
        "CPU checks. *Different names* counts the names that differ from those of the CPU for the same seed.",
        f"Measured on {about['date']} on one {about['device']} and {about['cores']} cores of an",
        f"{about['processor']}, with Python {about['python']}, torch {about['torch']} and CUDA {about['cuda']}.",
    ]
    return "".join(f"{line}\n" for line in lines)


def page(text: str, results: dict[str, Any]) -> str:
    """Return the page with its tables replaced."""
    return re.sub(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", lambda _: table(results), text, flags=re.DOTALL)


def main() -> None:
    """Measure, or write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.table:
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
        return
    measure(find_device(given.device), SMALL if given.small else Sizes(), given.output)


if __name__ == "__main__":
    main()
