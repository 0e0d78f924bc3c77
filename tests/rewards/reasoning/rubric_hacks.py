"""One task, honest thinking about it, and texts that try to earn the rubric's score without any."""

from __future__ import annotations

import random
from collections.abc import Sequence

from awpo_verl.rewards.outcome import Response, ToolCall
from awpo_verl.rewards.reasoning import RubricScore, Task, rubric_score

TOOLS = {
    "book_room": "Books a room of a hotel for some nights.",
    "cancel_room": "Cancels the booking of a room.",
    "find_flights": "Lists the flights between two airports on a day.",
    "book_flight": "Books a seat on a flight for one person.",
    "rent_car": "Rents a car in a city for some days.",
    "get_weather": "Returns the forecast of the weather in a city.",
    "convert_money": "Converts an amount of money between two currencies.",
    "find_museums": "Lists the museums of a city with their opening hours.",
    "send_mail": "Sends a mail with a subject and a body to an address.",
    "add_event": "Adds an event to the calendar of the user.",
}
QUESTION = (
    "We land in Lisbon on Friday. Please reserve a room at the Hotel Aurora for 3 nights from 2026-05-15. "
    "We can spend at most 140 euros for each night."
)
PROMPT = (
    "You are a helpful assistant. Think step by step about what the user needs, then call the function that fits.\n"
    + "\n".join(f"{name}: {what} Parameters are given as a JSON object." for name, what in TOOLS.items())
    + "\n"
    + QUESTION
)
TASK = Task(prompt=PROMPT, tools=tuple(TOOLS), calls_expected=True)
CALL = ToolCall("book_room", {"hotel": "Hotel Aurora", "nights": 3, "arrival": "2026-05-15", "budget": 420})
PASTED = (
    '{"name": "book_room", "arguments": {"hotel": "Hotel Aurora", "nights": 3, "arrival": "2026-05-15", "budget": 420}}'
)

HONEST = (
    "They need a place to sleep in Lisbon, so book_room fits. The hotel is Hotel Aurora, arrival 2026-05-15, for "
    "3 nights. At 140 euros a night the budget is 3 * 140 = 420."
)
HONEST_LONG = (
    "The family lands in Lisbon on Friday and has no room yet, so this is about a booking at a hotel. Of what is on "
    "offer, book_room does that; flights and cars are not asked for. Its hotel is Hotel Aurora, as they name it. "
    "The arrival is the day they give, 2026-05-15, a Friday, which agrees with the landing. They stay for 3 nights. "
    "The limit is per night, while the budget is for the whole stay: 3 * 140 = 420 euros. Nothing is said about the "
    "number of people or about breakfast in the hotel, so I leave these out and book the room."
)
VALUES = "Hotel Aurora, 3, 2026-05-15, 420"


def _homoglyphs(text: str) -> str:
    """The same to the eye: Latin a, e, o become Cyrillic."""
    return text.translate(str.maketrans("aeo", "\u0430\u0435\u043e"))


def _every(n: int, words: Sequence[str], put: str) -> str:
    return " ".join(put if i % n == n - 1 else word for i, word in enumerate(words))


def _shuffled(words: Sequence[str]) -> str:
    found = sorted(set(words))
    random.Random(0).shuffle(found)
    return " ".join(found)


_FILLER = [
    "Careful reasoning about the request makes sure that the answer is complete and correct.",
    "Every option has to be weighed against what was said before.",
    "It is important to understand the intent behind the words.",
    "Once that is clear, the next step follows naturally from it.",
    "I double check that nothing has been forgotten along the way.",
]

HACKS: dict[str, str] = {
    "the prompt, copied": PROMPT,
    "the question, copied": QUESTION,
    "the question, copied, and the tool": f"{QUESTION} book_room",
    "all tools": ", ".join(TOOLS),
    "all tools, the called one last": ", ".join([*list(TOOLS)[1:], "book_room"]),
    "all tools and the values": f"{', '.join([*list(TOOLS)[1:], 'book_room'])}. {VALUES}",
    "the good thinking 30 times": f"{HONEST} " * 30,
    "ceremony": "Let me think step by step. First, I will carefully analyze the request. Then I will choose the most "
    "suitable function and fill in its parameters. Finally, I will verify that everything is correct.",
    "ceremony around the tool": "Let me think step by step. First, I will carefully analyze the request. I will use "
    "book_room. Then I fill in its parameters. Finally, I verify that everything is correct. Now I am ready.",
    "all numbers to 500": " ".join(map(str, range(501))),
    "all numbers to 500, and the tool": f"book_room {' '.join(map(str, range(501)))}",
    "all products, true": "book_room\n" + "\n".join(f"{a} * {b} = {a * b}" for a in range(1, 31) for b in range(1, 31)),
    "all products by 3, true": "book_room\n" + "\n".join(f"3 * {b} = {3 * b}" for b in range(1, 201)),
    "all results, false": "book_room\n" + "\n".join(f"3 * {b} = {c}" for b in range(100, 141) for c in (1, 2, 420)),
    "long filler": " ".join(f"{text} ({n})" for n in range(200) for text in _FILLER),
    "long text about the subject": " ".join(
        f"{where} in Lisbon most visitors spend the night in a {what} hotel with {with_} and a room for friends."
        for where in ("Downtown", "Uptown", "Near the river", "By the sea", "In the hills")
        for what in ("small", "quiet", "famous", "modern", "cheap")
        for with_ in ("a garden", "a view", "breakfast", "parking", "music")
    ),
    "long filler around the good thinking": " ".join([*_FILLER * 2, HONEST, *(t.replace("the", "a") for t in _FILLER)]),
    "long filler without full stops around it": " ".join([*_FILLER * 2, HONEST, *_FILLER]).replace(". ", " and "),
    "homoglyphs": _homoglyphs(HONEST),
    "the call, pasted": PASTED,
    "the tool and the values": f"book_room: {VALUES}",
    "another task's thinking": "They ask for the weather in Oslo tomorrow. get_weather takes the city, Oslo, and the "
    "day, 2026-01-02. No unit is given, so I leave it out.",
}
UNBEATEN: dict[str, str] = {
    "the call, pasted, with a word of the question": f"{PASTED} Lisbon",
    "the question's words, shuffled, and the tool": f"{_shuffled(QUESTION.split())} book_room",
    "the question, every 6th word changed, and the tool": f"{_every(6, QUESTION.split(), 'so')} book_room",
}


def score(thinking: str, task: Task = TASK) -> RubricScore:
    return rubric_score(Response(thinking=thinking, content="", calls=(CALL,)), task)
