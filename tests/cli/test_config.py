"""Settings: what is on the command line wins over the environment, that over the file, and a file never says what no command has."""

import json

import pytest

from findling.cli import main


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the command is run, with a file in a folder of its own."""
    here = tmp_path / "here"
    (here / "notes").mkdir(parents=True)
    for number in range(5):
        (here / f"notes/{number}.txt").write_text(f"a small boat number {number}")
    monkeypatch.chdir(here)
    return here


def found(capsys, *arguments):
    assert main(["search", "out.findling", "boat", "--json", *arguments]) == 0
    return len(json.loads(capsys.readouterr().out)["hits"])


def test_a_file_says_what_is_built_and_searched(place, model_file, capsys, monkeypatch):
    (place / "findling.toml").write_text(f'model = "{model_file.as_posix()}"\n[build]\nsource = ["notes"]\noutput = "out.findling"\n[search]\nlimit = 2\n')
    assert main(["build"]) == 0
    assert capsys.readouterr().out.startswith("out.findling: 5 documents")
    assert found(capsys) == 2
    monkeypatch.setenv("FINDLING_SEARCH_LIMIT", "3")
    assert found(capsys) == 3
    assert found(capsys, "--limit", "4") == 4


def test_the_table_of_a_project_counts_where_there_is_no_other(place, model_file, capsys):
    (place / "pyproject.toml").write_text(f'[tool.findling]\nmodel = "{model_file.as_posix()}"\n[tool.findling.search]\nlimit = 1\n')
    assert main(["build", "notes", "-o", "out.findling"]) == 0
    capsys.readouterr()
    assert found(capsys) == 1
    (place / "findling.toml").write_text(f'model = "{model_file.as_posix()}"\n')
    assert found(capsys) == 5


def test_a_project_that_says_nothing_of_it_is_no_file_of_settings(place, model_file, capsys):
    (place / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert main(["build", "notes", "-o", "out.findling", "--model", str(model_file)]) == 0


def test_paths_count_from_the_folder_of_their_file(place, model_file, capsys, monkeypatch):
    settings = place / "findling.toml"
    settings.write_text(f'model = "{model_file.as_posix()}"\n[build]\nsource = ["notes"]\noutput = "out.findling"\n')
    other = place.parent / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    assert main(["--config", str(settings), "build"]) == 0
    assert (place / "out.findling").is_file()
    assert list(other.iterdir()) == []


def test_what_is_said_for_one_command_counts_more_than_what_is_said_for_all(place, model_file, capsys):
    (place / "findling.toml").write_text(f'model = "nowhere"\n[build]\nmodel = "{model_file.as_posix()}"\n')
    assert main(["build", "notes", "-o", "out.findling"]) == 0
    assert main(["search", "out.findling", "boat"]) == 4
    assert "nowhere" in capsys.readouterr().err


def test_it_counts_more_also_where_it_stands_before(place, model_file):
    (place / "pyproject.toml").write_text(f'[tool.findling.build]\nmodel = "{model_file.as_posix()}"\n[tool.findling]\nmodel = "nowhere"\n')
    assert main(["build", "notes", "-o", "out.findling"]) == 0


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("limit = [", "is not TOML"),
        ("limits = 3\n", "'limits'"),
        ("[fly]\nhigh = true\n", "'high'"),
        ("[search]\nquery = 'boat'\n", "'query'"),
        ("[search]\nlimit = 'many'\n", "limit"),
        ("[build]\nstrict = 'perhaps'\n", "strict"),
    ],
)
def test_settings_that_cannot_be_meant_are_wrong_usage(content, part, place, model_file, capsys):
    (place / "findling.toml").write_text(content)
    for command in (["search", "x", "y"], ["build", "notes", "-o", "x"]):
        code = main([*command, "--model", str(model_file)])
        told = capsys.readouterr().err
        if part in told:
            assert code == 2
            return
    raise AssertionError(told)


def test_settings_that_were_named_have_to_be_there(place, capsys):
    assert main(["--config", "gone.toml", "info", "x"]) == 4
    assert "gone.toml" in capsys.readouterr().err
