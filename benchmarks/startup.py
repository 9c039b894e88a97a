"""How long `promo` takes to answer: the import of promo_cli and `promo --help`, beside their limits and bare Python.

On a busy machine the CPU seconds tell more than the wall's.

python benchmarks/startup.py [--runs 10]
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time

PROGRAMS = {
    "python -c pass": (["-c", "pass"], None),
    "import promo_cli.main": (["-c", "import promo_cli.main"], 0.3),
    "promo --help": (["-m", "promo_cli.main", "--help"], 0.5),
}
"""Arguments of python, and the limit in seconds."""


def seconds(arguments: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one run in a process of its own, start of Python included."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    for arguments, _ in PROGRAMS.values():  # compiled and in the page cache
        seconds(arguments)
    # in turns, so that a busy moment meets all of them
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    for _ in range(runs):
        for name, (arguments, _limit) in PROGRAMS.items():
            taken[name].append(seconds(arguments))
    bare = medians(taken["python -c pass"])
    print(f"{'median of':10}{runs:<3}{'wall':>20}{'limit':>9}{'× bare Python':>16}{'CPU':>10}{'× bare Python':>16}")
    for name, (_, limit) in PROGRAMS.items():
        wall, cpu = medians(taken[name])
        told = "" if limit is None else f"{limit:.2f} s"
        print(f"{name:24}{wall:>7.3f} s{told:>9}{wall / bare[0]:>16.1f}{cpu:>8.3f} s{cpu / bare[1]:>16.1f}")


def medians(runs: list[tuple[float, float]]) -> tuple[float, float]:
    """The median wall seconds, and the median CPU seconds."""
    walls, cpus = zip(*runs, strict=True)
    return statistics.median(walls), statistics.median(cpus)


if __name__ == "__main__":
    main()
