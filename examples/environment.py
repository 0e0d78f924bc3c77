"""Tools with a state, without verl: what the model is shown, what it is told, and how its rollout is judged.

python examples/environment.py

With verl the same class trains over several turns: docs/environments.md.
"""

import json

from awpo_verl.rewards.outcome import ToolCall
from awpo_verl.rewards.outcome.execution import Environment, Session, compare, run_reference, tools_of


class Notes(Environment):
    """A folder of notes. Every rollout has one of its own."""

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
            new: The name that it gets.
        """
        self.notes[new] = self.notes.pop(old)
        return new


def open_notes():
    return Session.open(Notes, {"notes": {"todo": "buy milk", "old": "-"}})


print("What the model is shown:", ", ".join(tool.usage for tool in tools_of(Notes).values()))

rollout = [
    ToolCall("list_notes", {}),
    ToolCall("rename", {"old": "todo"}),  # wrong: an observation says how
    ToolCall("rename", {"old": "todo", "new": "milk"}),
]
session = open_notes()
for call in rollout:
    print(f"{call.name}({json.dumps(call.arguments)}) -> {session.call(call).text}")

# "Call my todo list milk.": the reference makes one call. Another way to the same state is as good.
reference = run_reference(open_notes, [[ToolCall("rename", {"old": "todo", "new": "milk"})]])
print(compare(reference, open_notes, [rollout]))
print(compare(reference, open_notes, [[ToolCall("rename", {"old": "old", "new": "milk"})]]))
