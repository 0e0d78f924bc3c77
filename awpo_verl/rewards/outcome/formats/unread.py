"""Call formats that we know and do not read, so that none of them is mistaken for another format.

To read one, write a CallFormat of your own (docs/call_formats.md), or add a file here and delete its line below.
"""

from __future__ import annotations

# family -> strings that its chat template or its calls contain, and that no format in FORMATS has
UNREAD: dict[str, tuple[str, ...]] = {
    "Phi-4-mini with <|tool_call|>": ("<|/tool_call|>",),
    "Kimi K3": ("<|open|>tools<|sep|>",),
    "InternLM 2": ("<|action_start|>",),
    "LFM2": ("<|tool_call_start|>",),
    "Nemotron Nano 2": ("<TOOLCALL>",),
    "Step 3": ("<｜tool_calls_begin｜>", "<steptml:invoke"),
    "Cohere Command": ("<|START_ACTION|>",),
    "LongCat": ("<longcat_tool_call>",),
    "Granite 20B": ("<function_call>", "<|function_call_library|>"),
    "GigaChat": ("function call<|role_sep|>",),
    "Apertus": ("<|tools_prefix|>",),
    "Hunyuan, Jamba and MiniMax M1": ("<tool_calls>",),
    "dots": ("<dots_function_call>",),
    "Muse": ("<atem:function_calls>",),
    "Inkling": ("<|content_invoke_tool_json|>",),
    "Qwen 1": ("✿FUNCTION✿",),
}
