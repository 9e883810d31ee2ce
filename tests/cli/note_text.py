"""What stands in the notes from which tests build collections. Invariant: a number gives the same text on every machine."""

WORDS = "boat keeper storm anchor water light house rope sail wind harbour gull tide chart lamp crew".split()


def text(number, salt=0):
    return f"# Note {number}\n" + " ".join(WORDS[(number * 7 + at * (3 + salt)) % len(WORDS)] for at in range(30)) + f" note{number}\n"
