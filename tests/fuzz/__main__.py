"""Searches gate and card for inputs that they do not refuse properly: `make fuzz`.

Inputs that reach new code are kept in a temporary folder, not in the corpus, which is a handful of small files; one
that is a finding is kept in build/fuzz.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import click

CORPUS = Path(__file__).parent / "corpus"
FINDINGS = Path(__file__).resolve().parents[2] / "build/fuzz"
NAMES = ("gate", "card")


@click.command()
@click.option("--seconds", default=600, show_default=True, help="For each target.")
@click.option("--target", "targets", multiple=True, type=click.Choice(NAMES), help="Only this one; repeat for more.")
def main(seconds: int, targets: tuple[str, ...]) -> None:
    """Exits with 1 where a target raised, hung for ten seconds, or took two gigabytes."""
    FINDINGS.mkdir(parents=True, exist_ok=True)
    failed = [name for name in targets or NAMES if _search(name, seconds) != 0]
    click.echo(f"findings: {', '.join(failed) or 'none'}")
    raise SystemExit(1 if failed else 0)


def _search(name: str, seconds: int) -> int:
    with tempfile.TemporaryDirectory(prefix="aetk-fuzz-") as found:
        command = [sys.executable, "-m", "tests.fuzz.target", name, found, str(CORPUS / name)]
        limits = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-max_len=65536"]
        done = subprocess.run(
            [*command, *limits, f"-artifact_prefix={FINDINGS}/", "-print_final_stats=1"], capture_output=True, text=True
        )
    told = dict(line.rsplit(":", 1) for line in done.stderr.splitlines() if line.startswith("stat::"))
    runs = told.get("stat::number_of_executed_units", "no").strip()
    click.echo(f"{name}: {runs} inputs in {seconds} s, exit code {done.returncode}")
    if done.returncode != 0:
        click.echo(done.stderr[-3000:], err=True)
    return done.returncode


if __name__ == "__main__":
    main()
