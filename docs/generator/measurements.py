"""Scale and cost: the figures of benchmarks/README.md, which alone keeps them."""

from generator.markdown import ROOT, generated_from

FIGURES = ROOT / "benchmarks" / "README.md"


def scale_page() -> str:
    """What was measured, each with the command that repeats it."""
    lines = FIGURES.read_text().splitlines()
    rows = [line for line in lines if line.startswith("|")]
    if not rows:
        raise ValueError(f"{FIGURES} has no table of figures")
    intro = (
        "Each claim is a command that prints its table, with the limit beside it. Memory is bounded by `OFFERHOUSE_MEMORY`, "
        "beyond which DuckDB spills to disk (`OFFERHOUSE_SPILL`). On disk stand the working database, the published one "
        "and earlier publications (`OFFERHOUSE_KEPT`). Nothing is paid for but the machine.\n"
    )
    return "\n".join(["# Scale and cost\n", intro, generated_from(FIGURES), *rows]) + "\n"


def pages() -> dict[str, str]:
    """The page of figures by path."""
    return {"explanation/scale.md": scale_page()}
