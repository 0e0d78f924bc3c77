"""Read the size of a model from its config, without its weights."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class ModelError(ValueError):
    """The model cannot be found or read. The message says what was searched.

    Attributes:
        missing: the model does not exist, or has no config. False if it may exist and only this check cannot read it.
    """

    def __init__(self, message: str, missing: bool = True) -> None:
        super().__init__(message)
        self.missing = missing


@dataclass(frozen=True)
class ModelSize:
    """Numbers of a model, not bytes.

    Attributes:
        params: all parameters, tied ones once.
        active: parameters that one token visits; fewer than params with experts.
        layers, hidden, vocab: sizes of the transformer.
        intermediate: width of the feed-forward layer; with experts the width of one, times the experts a token visits.
        heads, kv_heads, head_dim: sizes of the attention.
        max_positions: the longest context in tokens, 0 if the config has none.
        quantized: the weights have less than the 2 bytes per parameter that the estimates assume.
    """

    params: int
    active: int
    layers: int
    hidden: int
    intermediate: int
    vocab: int
    heads: int
    kv_heads: int
    head_dim: int
    max_positions: int
    quantized: bool = False

    @property
    def kv_bytes_per_token(self) -> int:
        """Keys and values of one token in bfloat16, over all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim * 2


def read_size(path: str, trust_remote_code: bool = False) -> ModelSize:
    """Read the size of the model in a folder, or of a hub id (from the cache, or by downloading its config).

    Raises:
        ModelError: there is no such folder, it has no config.json, the hub id cannot be loaded, or the model's code
            cannot be imported.
    """
    from transformers import AutoConfig

    if "://" in path:
        raise ModelError(f"{path} is not checked here", missing=False)
    expanded = os.path.expanduser(path)
    if looks_local(path) and not Path(expanded).is_dir():
        raise ModelError(f"{path} is not a folder. Give a folder with a model, or a hub id such as Qwen/Qwen3-4B.")
    if Path(expanded).is_dir() and not (Path(expanded) / "config.json").exists():
        raise ModelError(f"{path} has no config.json: not a model that transformers can load.")
    try:
        config = AutoConfig.from_pretrained(expanded, trust_remote_code=trust_remote_code)
    except (OSError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"the config of {path} cannot be loaded: {first}") from None
    except ImportError as error:  # the model's own code needs a package
        raise ModelError(f"the config of {path} cannot be read here: {error}", missing=False) from None
    try:
        return _size(config, trust_remote_code)
    except Exception as error:  # noqa: BLE001  # a vision model, a special kind, code that needs a package
        first = str(error).splitlines()[0] if str(error) else ""
        message = f"the size of {path} cannot be computed: {type(error).__name__}: {first}"
        raise ModelError(message, missing=False) from None


def looks_local(path: str) -> bool:
    """Whether a model's path means a folder; a hub id is "name" or "organisation/name"."""
    return path.startswith(("/", ".", "~")) or path.count("/") > 1 or Path(os.path.expanduser(path)).exists()


def _size(config: Any, trust_remote_code: bool) -> ModelSize:
    text = config.get_text_config()
    heads = text.num_attention_heads
    hidden = text.hidden_size
    visited = getattr(text, "num_experts_per_tok", None) or 1
    names = ("num_experts", "n_routed_experts", "num_local_experts")
    experts = next((count for name in names if (count := getattr(text, name, None))), visited)
    width = getattr(text, "moe_intermediate_size", None) or text.intermediate_size
    params = _count(config, trust_remote_code)
    return ModelSize(
        params=params,
        active=params - max(0, experts - visited) * 3 * hidden * width * text.num_hidden_layers,
        layers=text.num_hidden_layers,
        hidden=hidden,
        intermediate=width * visited,
        vocab=text.vocab_size,
        heads=heads,
        kv_heads=getattr(text, "num_key_value_heads", None) or heads,
        head_dim=getattr(text, "head_dim", None) or hidden // heads,
        max_positions=getattr(text, "max_position_embeddings", 0) or 0,
        quantized=getattr(config, "quantization_config", None) is not None,
    )


def _count(config: Any, trust_remote_code: bool) -> int:
    """Count the parameters on a model without storage."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    return sum(parameter.numel() for parameter in model.parameters())
