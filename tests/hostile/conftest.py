"""What hostile files must not cost: the files beside them. Knows nothing of what is hostile in them."""

from collections.abc import Callable
from typing import Any

import pytest

from findling.app import App


@pytest.fixture
def only_the_good_one_is_found(app: App, run: Callable[..., Any]) -> Callable[[list[dict[str, Any]], str], None]:
    """Files are added together: the one of that name is found by "a lighthouse keeper sings", all others are skipped as bad input."""

    def check(files: list[dict[str, Any]], good: str) -> None:
        async def scenario() -> tuple[dict[str, Any], dict[str, Any]]:
            await app.open("all")
            added = await app.add("all", files=files)
            return added, await app.search("all", "a lighthouse keeper sings", 1)

        added, answer = run(scenario())
        assert answer["hits"][0]["id"] == good
        assert {each["code"] for each in added["skipped"]} == {"bad_input"}

    return check
