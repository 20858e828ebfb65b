"""Cause faults in real processes, and check what is promised.

Every function causes one kind of fault several times and returns a :class:`~sites.Tally`. The tests call most of them
with a small count, and ``soak.py`` calls all of them again and again.
"""

from __future__ import annotations

import contextlib
import http.server
import re
import signal
import threading
import time
from typing import TYPE_CHECKING

from launching import wait_until
from namegen.models.serialization import load_checkpoint
from sites import TRAININGS, Site, Tally

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from launching import Launcher, Run

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def kills(
    launcher: Launcher, rng: random.Random, *, count: int, training: str = "default", new_interpreter: bool = False
) -> Tally:
    """Kill a run that saves after each batch at random moments, every second time during a save."""
    tally = Tally(f"kill -9, {training}{', new processes' if new_interpreter else ''}")
    with Site(launcher, tally, training) as site:
        expected, older = site.uninterrupted(), site.put_older_model()
        for number in range(count):
            run = site.train(new_interpreter=new_interpreter)
            if new_interpreter:
                wait_until(lambda: "%" in run.err or not run.runs())
            if number % 2:
                wait_until(lambda: site.is_saving() or not run.runs())
                time.sleep(rng.uniform(0, 0.004))
            else:
                run.runs(rng.uniform(0, TRAININGS[training].seconds / 3))
            run.send(signal.SIGKILL)
            code = run.wait()
            tally.faults += code == -signal.SIGKILL
            site.check_files()
            left = site.temporaries()
            tally.require(len(left) <= 1, f"a start did not remove the files of an earlier run: {left}")
            if code == 0:
                site.check_model(expected, "kill -9")
                site.model.write_bytes(older)
            elif code == -signal.SIGKILL:
                kept = site.model.read_bytes()
                tally.require(kept in (older, expected), "kill -9: the previous model is gone")
            else:
                tally.lost.append(f"{run} ended with {code}: {run.err}")
        site.finish(expected, "kill -9")
    return tally


def signals(launcher: Launcher, rng: random.Random, *, count: int, training: str = "default") -> Tally:
    """Send SIGINT, SIGTERM and SIGHUP at random moments, every second time twice in a row."""
    tally = Tally(f"signals, {training}")
    with Site(launcher, tally, training) as site:
        expected = site.uninterrupted()
        for number in range(count):
            which = STOPPING[number % len(STOPPING)]
            run = site.train()
            run.runs(rng.uniform(0.05, TRAININGS[training].seconds / 2))
            run.send(which)
            if number % 2:
                run.runs(rng.uniform(0, 0.02))
                run.send(which)
            code = run.wait()
            tally.faults += code != 0
            if code == 0:  # it ended before the signal arrived
                site.check_model(expected, which.name)
            else:
                _check_stopped(site, run, which)
            site.check_files()
        if site.checkpoint.is_file() or not site.model.is_file():
            site.finish(expected, "signals")
    return tally


def signals_while_saving(launcher: Launcher, *, which: Sequence[signal.Signals] = STOPPING) -> Tally:
    """Send two signals during the save of a checkpoint, and during the save of the finished model."""
    tally = Tally("signals while saving")
    for first in which:
        second = STOPPING[STOPPING.index(first) - 1]
        with Site(launcher, tally) as site:
            run = site.train(slow_disk=0.3)
            _send_while(run, lambda: site.checkpoint.is_file() and site.is_saving(), first, second)
            _check_stopped(site, run, first)
        with Site(launcher, tally) as site:
            run = site.train_briefly(slow_disk=0.3)
            _send_while(run, lambda: "%" in run.err and site.is_saving(), first, second)
            site.check_done(run, "Next: namegen sample")
            site.check_files()
            site.check_nothing_stray(site.model)
        tally.faults += 4
    return tally


def signals_at_the_start(launcher: Launcher, rng: random.Random, *, count: int) -> Tally:
    """Send signals while torch is imported, before there is anything to save."""
    tally = Tally("signals at the start")
    for number in range(count):
        which = STOPPING[number % len(STOPPING)]
        with Site(launcher, tally) as site:
            older = site.put_older_model()
            run = site.train(new_interpreter=True)
            wait_until(lambda: any(site.cache.glob("locks/*.pid")) or not run.runs())
            run.runs(rng.uniform(0, 0.5))
            for _ in range(1 + number % 2):
                run.send(which)
            tally.faults += 1
            code = run.wait()
            if "and saved" in run.err:  # training had begun
                _check_stopped(site, run, which)
                continue
            quiet = "Error" not in run.err and "Traceback" not in run.err
            tally.require(code == 128 + which and quiet, f"{run} ended with {code} after {which.name}: {run.err}")
            tally.require(site.model.read_bytes() == older, "the previous model is gone")
            site.check_nothing_stray(site.model)
    return tally


def signals_elsewhere(launcher: Launcher, rng: random.Random, *, which: Sequence[signal.Signals] = STOPPING) -> Tally:
    """Send signals to ``sample``, to ``evaluate``, and to ``download`` from a server that stalls."""
    tally = Tally("signals in sample, evaluate and download")
    with Site(launcher, tally) as site, _stalling_server() as (url, asked):
        model, results = site.put_older_model(), site.outputs / "results"
        has_begun: dict[str, Callable[[], bool]] = {
            "sample": lambda: results.is_file() and results.stat().st_size > 0,
            "download": asked.is_set,
        }
        for number in which:
            for words in (
                ("sample", "-n", "1000000000"),
                ("evaluate", "names", "--data", site.names, "-n", "1000000"),
                ("download", "--from", url),
            ):
                asked.clear()
                run = site.start(*words, stdout=results)
                if words[0] in has_begun:
                    wait_until(lambda: has_begun[words[0]]() or not run.runs())
                run.runs(rng.uniform(0.1, 0.3) if words[0] in has_begun else 0.8)
                for _ in range(rng.choice([1, 2])):
                    run.send(number)
                code = run.wait()
                tally.faults += 1
                said = [line for line in run.err.splitlines() if "Error" in line or "Traceback" in line]
                tally.require(code == 128 + number and not said, f"{run} ended with {code} after {number.name}: {said}")
                tally.require(site.model.read_bytes() == model, f"{run}: the model changed")
                site.check_nothing_stray(site.model)
                results.unlink(missing_ok=True)
    return tally


def two_trainings(launcher: Launcher) -> Tally:
    """Start a second training of a model, by its name and by other paths of its file."""
    tally = Tally("two trainings of one model")
    with Site(launcher, tally, "small") as site:
        expected, older = site.uninterrupted(), site.put_older_model()
        link, folder = site.outputs / "link.safetensors", site.outputs / "folder"
        link.symlink_to(site.model)
        folder.symlink_to(site.model.parent)
        first = site.train(slow_disk=0.3)
        wait_until(lambda: site.checkpoint.is_file() or not first.runs())
        spellings = (site.model, link, folder / site.model.name, site.model.parent / ".." / "models" / site.model.name)
        for words in (("--model", "names"), ("--model", "names", "--force"), *(("-o", file) for file in spellings)):
            second = site.start("train", "--data", site.names, "--iters", "16", *words)
            site.check_error(second, f"process {first.pid} is already training ")
            tally.faults += 1
            _check_sample(site, site.start("sample", "--model", "names", "-n", "20", "--format", "tsv"), 20)
            tally.require(site.model.read_bytes() == older, "the previous model is gone")
        tally.require(first.runs(), f"{first} ended before the others: {first.err}")
        first.send(signal.SIGKILL)
        first.wait()
        site.finish(expected, "a second training")
    return tally


def samplers_and_trainer(launcher: Launcher, *, seconds: float) -> Tally:
    """Run eight samplers and a trainer of one model at once."""
    tally = Tally("eight samplers and a trainer")
    with Site(launcher, tally, "small") as site:
        expected = site.uninterrupted()
        site.put_older_model()
        end = time.monotonic() + seconds

        def run_sampler() -> None:
            while time.monotonic() < end:
                run = site.start("sample", "--model", "names", "-n", "50", "--format", "tsv")
                _check_sample(site, run, 50)
                run.forget()

        samplers = [threading.Thread(target=run_sampler) for _ in range(8)]
        for sampler in samplers:
            sampler.start()
        while time.monotonic() < end:
            trainer = site.train()
            code = trainer.wait()
            tally.require(code == 0, f"{trainer} ended with {code}: {trainer.err}")
            tally.faults += 1
        for sampler in samplers:
            sampler.join()
        site.check_model(expected, "eight samplers and a trainer")
    return tally


def divergence(launcher: Launcher) -> Tally:
    """Train with learning rates at which the loss, or a weight within a batch, becomes infinite or NaN."""
    tally = Tally("infinite or NaN loss")
    for words in (
        ("--recipe", "tutorial", "--learning-rate", "50", "--iters", "5000"),
        ("--hidden-size", "16", "--learning-rate", "100", "--iters", "2000"),
        ("--hidden-size", "16", "--learning-rate", "100", "--iters", "2000", "--validation", "0"),
        ("--hidden-size", "16", "--arch", "rnn", "--learning-rate", "100", "--iters", "2000"),
    ):
        with Site(launcher, tally) as site:
            older = site.put_older_model()
            options = ("train", "--model", "names", "--data", site.names, "--save-every", "1", *words)
            run = site.start(*options)
            site.check_error(run, "lower --learning-rate than")
            tally.faults += 1
            tally.require(site.model.read_bytes() == older, "the previous model is gone")
            site.check_files()
            site.model.unlink()
            if site.checkpoint.is_file():  # from before the divergence; its names may still be bad
                run = site.start("sample", "--model", "names", "-n", "5", "--format", "tsv")
                if run.wait():
                    site.check_error(run, "hardly ever ends a well-formed name")
                else:
                    _check_sample(site, run, 5)
    return tally


def clock_and_sleep(launcher: Launcher) -> Tally:
    """Train with a clock that jumps back at every call, and pause the process for a while."""
    tally = Tally("clock jumps back, machine sleeps")
    with Site(launcher, tally, "small") as site:
        expected = site.uninterrupted()
        begun = time.monotonic()
        run = site.train(jumping_clock=True)
        wait_until(lambda: "%" in run.err or not run.runs())  # the elapsed time starts with the first stretch
        run.send(signal.SIGSTOP)
        time.sleep(1.2)
        run.send(signal.SIGCONT)
        site.check_done(run)
        tally.faults += 2
        minutes = re.findall(r"  (\d+):(\d\d)  ", run.err)
        shown = [60 * int(m) + int(s) for m, s in minutes]
        longest = time.monotonic() - begun + 1
        sane = len(shown) > 5 and shown == sorted(shown) and 1 <= shown[-1] <= longest
        tally.require(sane, f"wrong times shown within {longest:.0f} seconds: {shown}")
        site.check_model(expected, "a clock that jumps")
    return tally


def _send_while(run: Run, is_so: Callable[[], bool], first: signal.Signals, second: signal.Signals) -> None:
    wait_until(lambda: is_so() or not run.runs())
    for number in (first, second):
        run.send(number)
        run.runs(0.1)


def _check_stopped(site: Site, run: Run, which: signal.Signals) -> None:
    """Check that a training saved its state after a signal, said how to resume, and left nothing else behind."""
    code = run.wait()
    site.tally.require(code == 128 + which, f"{run} ended with {code} after {which.name}: {run.err}")
    if not site.checkpoint.is_file() and "Stopped" not in run.err:
        return  # there was nothing to save yet
    *_, last = run.err.splitlines() or [""]
    said = re.match(r"Stopped after ([\d,]+) of .* Resume with: namegen train --model names .*--resume$", last)
    if not said:
        # Nothing was learned since the last checkpoint, so it is still there.
        site.tally.require("Error" not in run.err and "Traceback" not in run.err, f"{run} said: {run.err}")
    else:
        saved = load_checkpoint(site.checkpoint).model.iterations
        site.tally.require(saved == int(said[1].replace(",", "")), f"{run} saved {saved} iterations, not {said[1]}")
    site.check_nothing_stray(site.model, site.checkpoint)


def _check_sample(site: Site, run: Run, count: int) -> None:
    """Check the number and the form of sampled names; only a note about an unfinished training may be printed."""
    code = run.wait()
    lines = run.out.splitlines()
    formed = len(lines) == count and all(re.fullmatch(r"(Elves|Dwarves)\t\S.*", line) for line in lines)
    noted = re.fullmatch(r"(The training of names has not finished: .*\n)?", run.err)
    fine = code == 0 and formed and noted is not None
    site.tally.require(fine, f"{run} ended with {code} and {len(lines)} lines: {run.err}")


@contextlib.contextmanager
def _stalling_server() -> Iterator[tuple[str, threading.Event]]:
    """Yield the URL of a server that never completes an answer, and an event that is set by the first request."""
    asked, over = threading.Event(), threading.Event()

    class Stalling(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"Ann\n")
            asked.set()
            over.wait()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stalling) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", asked
        finally:
            over.set()
            server.shutdown()
