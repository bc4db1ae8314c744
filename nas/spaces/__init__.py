"""Search spaces: their files, their members, and the strings that name a member."""

from nas.spaces._architecture import Architecture, StageChoice, choose, decode
from nas.spaces._model import named_size, read_model, size_of
from nas.spaces._new import new_space
from nas.spaces._space import DEFAULT_SPACE, Space, load_space

__all__ = [
    "DEFAULT_SPACE",
    "Architecture",
    "Space",
    "StageChoice",
    "choose",
    "decode",
    "load_space",
    "named_size",
    "new_space",
    "read_model",
    "size_of",
]
