"""manage.py verify_projections: compare the read models with the log."""

from argparse import ArgumentTypeError
from secrets import randbelow
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from sequere.management.progress_bar import ProgressBar
from sequere.management.projections import ProjectionsCommand
from sequere.replay.verifying import Sample, verifiable, verify


class Command(ProjectionsCommand):
    help = _("Compare the read models with the event log. Exit status 1, and a list of differences, if they differ.")

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--projection", choices=verifiable(), help=_("Only this one; all of them by default."))
        add("--repair", action="store_true", help=_("Repair the differences."))
        add("--sample", type=share, metavar=_("SHARE"), help=_("Check only a random share of the keys, such as 1%%."))
        add("--seed", type=int, help=_("Draw the same sample as the run that printed this number."))

    def handle(
        self, *, projection: str | None, repair: bool, sample: float | None, seed: int | None, **options: Any
    ) -> None:
        if seed is not None and sample is None:
            raise self.wrong_argument(_("--seed requires --sample."))
        drawn = None if sample is None else Sample(sample, randbelow(10**9) if seed is None else seed)
        if drawn:
            self.stdout.write(f"--sample {drawn.share:g} --seed {drawn.seed}")
        wrong = False
        for name in [projection] if projection else verifiable():
            with ProgressBar(self) as progress:
                report = verify(name, repair=repair, sample=drawn, progress=progress, on_difference=progress.note)
            checked = f"{report.checked:,}" + ("" if report.total is None else f" of {report.total:,}") + " checked"
            if not report.wrong:
                self.stdout.write(self.style.SUCCESS(f"{name}: {checked}, equal to the log"))
                continue
            found = f"{name}: {checked}, {report.wrong:,} differences"
            mended = f", {report.wrong - report.failed:,} repaired" if report.failed else ", repaired"
            self.stdout.write(self.style.WARNING(f"{found}{mended}" if repair else found))
            wrong = wrong or report.failed > 0 or not repair
        if wrong:
            self.stdout.write(_("Run it with --repair, or run rebuild_projections."))
            raise SystemExit(1)


def share(text: str) -> float:
    """A share given as "1%" or as "0.01"."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise ArgumentTypeError(_("give a share such as 1%, or 0.01, up to 100%"))
    return value
