"""Search space of a search with pretrained weights."""

from __future__ import annotations

from pathlib import Path

from nas.config import SearchConfig
from nas.detectors.heads import anchor_free
from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES
from nas.errors import ConfigError, ModelError, TransferError
from nas.files import shipped
from nas.proxies.pretrained import PretrainedModel
from nas.runs.record import RunRecord
from nas.spaces.architecture import stock
from nas.spaces.recognize import recognize
from nas.spaces.space import Space, load_space
from nas.supernet.supernet_file import FILE, TrainedSupernet

SUFFIX = "-pretrained"
"""Ending of the names of spaces for pretrained models."""


def pretrained_space(config: SearchConfig, model: PretrainedModel | None) -> Space:
    """The space that the options name; without a name, one for the pretrained model.

    Its choices are no wider and no deeper than the pretrained model.

    Args:
        config: Options of the search.
        model: The pretrained model; None for that of `SearchConfig.supernet`.

    Raises:
        ConfigError: The space belongs to another template than the model.
        TransferError: The model is no stock model of a template.
    """
    if model is None:
        assert config.supernet is not None
        detector = TrainedSupernet.load(config.supernet / FILE).teacher.detector
        file, field = config.supernet, "supernet"
    else:
        detector, file, field = model.detector, model.file, "pretrained"
    template = _template(detector, file)
    name = config.space if "space" in config.model_fields_set else _default(config, template)
    space = load_space(name, config.imgsz)
    if space.file.template != template:
        problem = f"belongs to {space.file.template}, and {file} is {template}"
        raise ConfigError(problem, field="space", value=name, hint=f"drop it, or change `{field}`")
    return space.clipped()


def _template(detector: Detector, file: Path) -> str:
    """The template whose stock model a trained model is."""
    try:
        member = recognize(detector, TEMPLATES.values())
    except ModelError as error:
        raise TransferError(f"is no stock model of a template: {error}", file=file) from None
    template = TEMPLATES[member.template]
    if member != stock(template):
        problem = f"is no stock model, but {member}"
        hint = f"give a model that was trained from {template.name}"
        raise TransferError(problem, file=file, hint=hint)
    if anchor_free(detector) != detector:
        raise TransferError(f"has the head {detector.rows[-1].module}, whose weights cannot be kept yet", file=file)
    return template.name


def _default(config: SearchConfig, template: str) -> str:
    if config.supernet is not None:
        return RunRecord.load(config.supernet).config.space
    own = f"{template}{SUFFIX}"
    return own if (shipped("search_spaces") / f"{own}.yaml").is_file() else template
