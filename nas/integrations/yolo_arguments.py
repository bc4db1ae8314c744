"""Arguments of the command ``yolo``, read as Ultralytics reads them, and checked before anything is spent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from nas.detectors.scales import without_letter
from nas.errors import InputError
from nas.files import read_yaml
from nas.integrations.ultralytics import import_ultralytics

_MODEL_HINT = "give a model YAML or a checkpoint"


class YoloArguments(NamedTuple):
    """Arguments of ``yolo``.

    Attributes:
        task: The task, such as "detect"; None: not given.
        mode: The mode, such as "train"; None: not given.
        values: Values by key. The last of equal keys counts.
    """

    task: str | None
    mode: str | None
    values: dict[str, Any]


def read_arguments(arguments: Sequence[str]) -> YoloArguments:
    """Read arguments, and check keys, values and the path of the model.

    All forms of ``yolo`` are read: spaces around ``=``, leading dashes, trailing commas, lists with spaces, flags
    without a value, the words of a task and a mode, and ``cfg=FILE``.

    Args:
        arguments: The words after ``yolo``.

    Raises:
        InputError: With the argument that is wrong.
    """
    cfg = import_ultralytics("ultralytics.cfg")
    known, values = cfg.DEFAULT_CFG_DICT, dict[str, Any]()
    for word in cfg.merge_equals_args(list(arguments)):
        argument = word.lstrip("-").rstrip(",")
        key, equals, text = argument.partition("=")
        if equals and key.strip() == "cfg":
            values = _of_file(text.strip()) | values  # arguments count more than the file, before it and after it
        elif equals:
            name, value = _pair(cfg, key.strip(), text.strip())
            values[name] = value
        elif argument in cfg.TASKS:
            values["task"] = argument
        elif argument in cfg.MODES:
            values["mode"] = argument
        elif isinstance(known.get(argument), bool):
            values[argument] = True
        elif argument in known:
            raise _refused(argument, "needs a value", f"write {argument}={known[argument]}")
        else:
            raise _unknown(argument, (*known, *cfg.TASKS, *cfg.MODES))
    _check_keys(cfg, values)
    _check_values(cfg, values)
    _check_model(values.get("model"))
    return YoloArguments(values.pop("task", None), values.pop("mode", None), values)


def _pair(cfg: Any, key: str, text: str) -> tuple[str, Any]:
    if not text:
        raise _refused(key, "needs a value", f"write {key}={cfg.DEFAULT_CFG_DICT.get(key, '...')}")
    name, value = cfg.parse_key_value_pair(f"{key}={text}")
    return str(name), value


def _of_file(text: str) -> dict[str, Any]:
    """The arguments in a file, as `yolo` takes it by ``cfg=FILE``."""
    if not text:
        raise _refused("cfg", "needs a value", "give the path of a YAML")
    if text == "None":
        return {"cfg": None}
    file = Path(text)
    content = read_yaml(_found(file, "cfg"), "file of arguments", "model, data, ...", InputError)
    return {str(name): given for name, given in content.items() if name != "cfg"}


def _check_keys(cfg: Any, values: dict[str, Any]) -> None:
    try:
        cfg.check_dict_alignment(cfg.DEFAULT_CFG_DICT, values)  # renames outdated keys in place
    except SyntaxError:
        unknown = next(key for key in values if key not in cfg.DEFAULT_CFG_DICT)
        raise _unknown(unknown, cfg.DEFAULT_CFG_DICT) from None


def _check_values(cfg: Any, values: dict[str, Any]) -> None:
    try:
        cfg.get_cfg(overrides=values)
    except (TypeError, ValueError, SyntaxError, AssertionError) as error:
        text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
        raise InputError(f"nas.train: {text.splitlines()[0] if text else type(error).__name__}") from None


def _check_model(model: Any) -> None:
    """Refuse a path that does not exist. Names of stock models and addresses are Ultralytics' to find."""
    file = Path(str(model))
    if model is None or "://" in str(model) or file.exists() or file.suffix not in {".pt", ".yaml", ".yml"}:
        return
    names = import_ultralytics("ultralytics.utils.downloads").GITHUB_ASSETS_NAMES
    if file.suffix != ".pt" or file.name not in names:
        _found(file, "model", _MODEL_HINT)


def _found(file: Path, key: str, hint: str = "give the path of a YAML") -> Path:
    """A file of the user, or the stock YAML of that name."""
    if file.is_file():
        return file
    checks = import_ultralytics("ultralytics.utils.checks")
    for name in (str(file), str(file.with_name(without_letter(file.stem) + file.suffix))):
        if file.suffix in {".yaml", ".yml"} and (stock := checks.check_yaml(name, hard=False)):
            return Path(stock)
    beside = [path.name for path in file.parent.iterdir()] if file.parent.is_dir() else []
    close = get_close_matches(file.name, beside, 1)
    raise _refused(f"{key}={file}", "no such file", f"did you mean {file.parent / close[0]}?" if close else hint)


def _unknown(word: str, known: Iterable[str]) -> InputError:
    if Path(word).suffix in {".yaml", ".yml", ".pt"}:
        return _refused(word, "is the value of no argument", f"write model={word} or data={word}")
    close = get_close_matches(word, list(known), 1)
    hint = f"did you mean {close[0]}?" if close else "docs.ultralytics.com/usage/cfg lists them"
    return _refused(word, "is no argument of Ultralytics", hint)


def _refused(argument: str, problem: str, hint: str) -> InputError:
    return InputError(f"nas.train: {argument}: {problem}", hint=hint)
