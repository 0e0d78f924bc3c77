"""Tools with a state, without verl: the model's view, the answers to its calls, and the check of its rollout.

python examples/environment.py

The same class trains over several turns with verl: docs/environments.md.
"""

import json

from awpo_verl.rewards.outcome import ToolCall
from awpo_verl.rewards.outcome.execution import Environment, Session, compare, run_reference, tools_of


class Notes(Environment):
    """A folder of notes. Each rollout gets its own."""

    def __init__(self, initial):
        self.notes = initial["notes"]

    def state(self):
        return self.notes

    def list_notes(self) -> list[str]:
        """List the names of the notes."""
        return sorted(self.notes)

    def rename(self, old: str, new: str) -> str:
        """Rename a note.

        Args:
            old: The note's name.
            new: Its new name.
        """
        self.notes[new] = self.notes.pop(old)
        return new


def open_notes():
    return Session.open(Notes, {"notes": {"todo": "buy milk", "old": "-"}})


print("What the model is shown:", ", ".join(tool.usage for tool in tools_of(Notes).values()))

rollout = [
    ToolCall("list_notes", {}),
    ToolCall("rename", {"old": "todo"}),  # wrong: the answer says how to call it
    ToolCall("rename", {"old": "todo", "new": "milk"}),
]
session = open_notes()
for call in rollout:
    print(f"{call.name}({json.dumps(call.arguments)}) -> {session.call(call).text}")

# The task: "Call my todo list milk." The reference makes one call. Other calls are right if they reach the same state.
reference = run_reference(open_notes, [[ToolCall("rename", {"old": "todo", "new": "milk"})]])
print(compare(reference, open_notes, [rollout]))
print(compare(reference, open_notes, [[ToolCall("rename", {"old": "old", "new": "milk"})]]))
