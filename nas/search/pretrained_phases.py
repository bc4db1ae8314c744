"""Phases of a search with pretrained weights: the teacher, its size curve, and the training of finalists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from shutil import copyfile

from nas.detectors.wide_head import hidden_channels
from nas.files import replacing
from nas.plurals import counted
from nas.progress import part
from nas.proxies.pretrained import PretrainedTemplate
from nas.proxies.teacher import Teacher
from nas.proxies.template import FromTemplate
from nas.runs.finalists import Finalist
from nas.runs.record import RunRecord
from nas.runs.size_curve import SizePoint
from nas.runs.teacher_record import TeacherRecord
from nas.search.finalist_training import FinalistTraining
from nas.search.halving import promote
from nas.search.session import Session
from nas.search.size_curve import curve_sizes, measure_size_curve
from nas.supernet.proxy import SupernetProxy
from nas.supernet.supernet_file import FILE as SUPERNET

TEACHER = "teacher.pt"
"""The pretrained model as it was used, in a run directory."""
MOST_TRAINED = 6
"""Finalists that are trained, beside the stock model."""


def prepare_teacher(session: Session) -> None:
    """Train the pretrained model on the data if it was trained for other classes, and keep it in the run directory."""
    proxy, run, config = session.plan.proxy, session.run, session.run.config
    if config.pretrained is None or not isinstance(proxy, FromTemplate):
        return
    title = f"pretrained model {config.pretrained.name}, trained on the data first if it knows other classes"
    with run.phase("teacher"), session.reporter.bar(title) as progress:
        proxy.template.prepare(proxy.folder, progress)
    assert isinstance(proxy.template, PretrainedTemplate)
    if epochs := proxy.template.teacher.epochs:
        session.reporter.say(f"the pretrained model was trained on the data for {counted(epochs, 'epoch')}")
    proxy.template.write(run.folder / TEACHER, proxy.folder)


def keep_supernet(session: Session) -> None:
    """Keep the supernet in the run directory, for other searches."""
    proxy, run = session.plan.proxy, session.run
    if not isinstance(proxy, SupernetProxy):
        return
    supernet = proxy.trained
    if (steps := proxy.recipe.steps) > supernet.steps:
        session.reporter.say(
            f"the time limit ended the training of the supernet after {supernet.steps} of {steps} steps"
        )
    supernet.save(run.folder / SUPERNET)
    given = run.config.supernet
    if given is not None and (given / TEACHER).is_file():
        with replacing(run.folder / TEACHER) as unfinished:
            copyfile(given / TEACHER, unfinished)


def trace_size_curve(session: Session) -> tuple[SizePoint, ...]:
    """Evaluate and measure the teacher at smaller image sizes; nothing without pretrained weights."""
    teacher = _teacher(session)
    if teacher is None:
        return ()
    sizes = curve_sizes(session.target.sizes, teacher.detector.multiple)
    with session.run.phase("size_curve"), session.reporter.bar("your model at smaller image sizes") as progress:
        return measure_size_curve(session.plan, session.target, teacher, sizes, progress)


def train_finalists(session: Session, finalists: Sequence[Finalist]) -> list[Finalist]:
    """Train the best finalists and the stock model as students of the teacher; nothing without pretrained weights.

    Their weights are in the folder "finalists" of the run directory. A search that is resumed trains none twice.
    """
    teacher, config = _teacher(session), session.run.config
    if teacher is None:
        return list(finalists)
    points = [finalist.point(config.minimize) for finalist in finalists]
    best = {finalists[index].arch for index in promote(points, MOST_TRAINED)}
    chosen = [finalist for finalist in finalists if finalist.arch in best or finalist.stock]
    trained: dict[str, Finalist] = {}
    training = FinalistTraining(
        folder=session.run.folder,
        proxy=session.plan.proxy,
        teacher=teacher,
        steps=config.finalist_steps,
        seed=config.seed,
    )
    title = f"{counted(len(chosen), 'finalist')}, trained from the weights of your model"
    with session.run.phase("training"), session.reporter.bar(title) as progress:
        for number, finalist in enumerate(chosen):
            share = part(progress, number / len(chosen), 1 / len(chosen))
            trained[finalist.arch] = training.run(finalist, session.target.decode(finalist.arch), share)
    return [trained.get(finalist.arch, finalist) for finalist in finalists]


def teacher_record(session: Session, curve: Sequence[SizePoint]) -> TeacherRecord | None:
    """The record of the teacher; None without pretrained weights."""
    teacher, config, proxy = _teacher(session), session.run.config, session.plan.proxy
    if teacher is None:
        return None
    ap = curve[0].ap if curve else None
    if config.supernet is not None:
        result = RunRecord.load(config.supernet).result
        if result is not None and result.teacher is not None:
            return replace(result.teacher, ap=ap)
    template = proxy.template if isinstance(proxy, FromTemplate) else None
    sha256 = template.sha256 if isinstance(template, PretrainedTemplate) else ""
    source = str(config.pretrained or config.supernet)
    width = hidden_channels(teacher.network.state_dict())
    return TeacherRecord(TEACHER, source, sha256, teacher.epochs, ap, teacher.names, width)


def _teacher(session: Session) -> Teacher | None:
    """The pretrained model as it is used; None if the search has none."""
    config, proxy = session.run.config, session.plan.proxy
    given = config.pretrained is not None or config.supernet is not None
    return proxy.teacher if given and isinstance(proxy, FromTemplate) else None
