"""The command line over the native engine and a small model: what goes to stdout, what to stderr, and the exit codes.

Invariant under test: stdout holds results only, and every failure is one sentence with its code.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
from typing import get_args, get_type_hints

import pytest

from findling import __version__, cli, terminal
from findling.cli import main
from findling.engine import encode, load
from findling.query import ENCODERS, LEGS
from findling.terminal import Progress


@pytest.fixture
def index(folder, model_file, tmp_path, capsys):
    out = tmp_path / "out/index.findling"
    assert main(["build", str(folder), "-o", str(out), "--model", str(model_file)]) == 0
    capsys.readouterr()
    return out


def test_build_indexes_a_folder_and_lists_what_it_skipped(folder, model_file, tmp_path, capsys):
    out = tmp_path / "index.findling"
    assert main(["build", str(folder), "-o", str(out), "--model", str(model_file), "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert (result["added"], result["documents"]) == (3, 3)
    assert [(each["name"], each["code"]) for each in result["skipped"]] == [("broken.json", "bad_input")]
    assert "broken.json" in printed.err
    assert out.is_file()


def test_build_is_reproducible(folder, model_file, tmp_path, index):
    again = tmp_path / "again.findling"
    main(["build", str(folder), "-o", str(again), "--model", str(model_file), "--quiet"])
    assert again.read_bytes() == index.read_bytes()


def test_build_strict_ends_with_1_when_a_file_was_skipped(folder, model_file, tmp_path):
    assert main(["build", str(folder), "-o", str(tmp_path / "x.findling"), "--model", str(model_file), "--strict"]) == 1


def test_build_follows_no_loop_of_links_and_indexes_no_index(folder, model_file, tmp_path, capsys):
    (folder / "loop").symlink_to(folder)
    out = folder / "index.findling"
    assert main(["build", str(folder), "-o", str(out), "--model", str(model_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["documents"] == 3
    assert main(["build", str(folder), "-o", str(out), "--model", str(model_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["documents"] == 3


def test_build_of_nothing_leaves_the_old_index(index, model_file, tmp_path, capsys):
    before = index.read_bytes()
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["build", str(empty), "-o", str(index), "--model", str(model_file)]) == 4
    assert index.read_bytes() == before
    assert capsys.readouterr().out == ""


def test_search_prints_titles_best_first(index, model_file, capsys):
    assert main(["search", str(index), "the lighthouse keeper sings in the storm", "--model", str(model_file), "--limit", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[-1] == "b"
    assert "lighthouse" in lines[1]
    assert len(lines) == 4


def test_search_as_json_is_the_answer_of_the_application(index, model_file, capsys):
    assert main(["search", str(index), "wood for rowing", "--model", str(model_file), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"query", "hits", "total", "exact", "close", "facets", "corrections", "encoder", "took_ms"}
    assert answer["close"] == (answer["hits"][0]["band"] in ("fair", "strong"))
    assert answer["encoder"] == "model"
    assert {hit["id"] for hit in answer["hits"]} == {"b.txt", "deep/a.md#1", "deep/a.md#2"}
    first = answer["hits"][0]
    assert (first["id"], set(first["legs"])) == ("deep/a.md#2", {"meaning", "words"})
    assert first["passage"]["place"] == {"headings": ["Boats", "Oars"], "line": 4}


@pytest.mark.parametrize(("is_terminal", "no_color", "is_bold"), [(True, "", True), (True, "1", False), (False, "", False)])
def test_search_shows_what_was_searched_for_in_bold_in_a_terminal(index, model_file, capsys, monkeypatch, is_terminal, no_color, is_bold):
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    assert main(["search", str(index), "wood oar", "--model", str(model_file), "--limit", "1"]) == 0
    title, snippet = capsys.readouterr().out.splitlines()
    assert title.endswith(("Boats: \x1b[1mOars\x1b[22m" if is_bold else "Boats: Oars") + "  (line 4 · Boats > Oars)")
    assert ("\x1b[1m" in snippet) == is_bold


def test_search_finds_more_like_a_document(index, model_file, capsys):
    assert main(["search", str(index), "--like", "b.txt", "--model", str(model_file), "--json"]) == 0
    assert {hit["id"] for hit in json.loads(capsys.readouterr().out)["hits"]} == {"deep/a.md#1", "deep/a.md#2"}
    assert main(["search", str(index), "--like", "nowhere", "--model", str(model_file)]) == 4
    assert main(["search", str(index), "boat", "--like", "b.txt", "--model", str(model_file)]) == 2


def test_what_a_document_says_does_not_steer_the_terminal(tmp_path, model_file, capsys):
    source = tmp_path / "hostile.jsonl"
    source.write_text(json.dumps({"title": "a \x1b[31mred\x07 title", "text": "one\r\n two\u009b0m\tthree"}))
    assert main(["build", str(source), "-o", str(tmp_path / "out"), "--model", str(model_file), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["search", str(tmp_path / "out"), "red title", "--model", str(model_file)]) == 0
    title, snippet = capsys.readouterr().out.splitlines()
    assert title.endswith("  a \ufffd[31mred\ufffd title")
    assert snippet.strip() == "one two\ufffd0m three"


def test_search_by_words_finds_only_what_has_them(index, model_file, capsys):
    assert main(["search", str(index), "rowing boats", "--model", str(model_file), "--json", "--legs", "words"]) == 0
    assert {hit["id"] for hit in json.loads(capsys.readouterr().out)["hits"]} == {"deep/a.md#1", "deep/a.md#2"}
    assert main(["search", str(index), "submarine", "--model", str(model_file), "--legs", "words"]) == 1


def test_a_search_by_pieces_needs_no_model(index, pieces, tmp_path, capsys):
    table, nothing = tmp_path / "table", tmp_path / "nothing"
    table.write_bytes(pieces)
    given = [str(index), "rowing boats", "--model", str(nothing), "--json"]
    assert main(["search", *given, "--encoder", "static", "--pieces", str(table)]) == 0
    assert json.loads(capsys.readouterr().out)["encoder"] == "static"
    queries, run = tmp_path / "q.tsv", tmp_path / "run"
    queries.write_text("qid\tquery\nq1\trowing boats\n", "utf-8")
    made = [str(index), "--queries", str(queries), "--run", str(run), "--model", str(nothing)]
    assert main(["search", *made, "--encoder", "static", "--pieces", str(table)]) == 0
    assert run.read_text("utf-8").startswith("q1 Q0 ")
    assert main(["search", *given, "--encoder", "static", "--pieces", str(nothing)]) == 4
    assert "--pieces" in capsys.readouterr().err


def test_search_understands_operators(index, model_file, capsys):
    for query, ids in [('"small boat"', {"deep/a.md#1"}), ("title:oars", {"deep/a.md#2"}), ("boat -floats", {"b.txt", "deep/a.md#2"})]:
        assert main(["search", str(index), query, "--model", str(model_file), "--json"]) == 0
        assert {hit["id"] for hit in json.loads(capsys.readouterr().out)["hits"]} == ids


def test_search_takes_unknown_words_for_typing_errors_and_says_so(index, model_file, capsys):
    assert main(["search", str(index), "lihgthouse", "--model", str(model_file), "--legs", "words"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].endswith("  b")
    assert "searched for lighthouse instead of lihgthouse" in printed.err
    assert main(["search", str(index), "lihgthouse", "--model", str(model_file), "--legs", "words", "--verbatim"]) == 1


def test_search_explains_its_scores(index, model_file, capsys):
    assert main(["search", str(index), "wood for rowing", "--model", str(model_file), "--explain", "--limit", "1"]) == 0
    title, _, meaning, words = capsys.readouterr().out.splitlines()
    assert title.endswith("Boats: Oars  (line 4 · Boats > Oars)")
    assert meaning.split()[0] == "meaning"
    assert words.split()[0] == "words" and {"wood", "rowing"} <= set(words.split())
    contributions = [float(line.split("gives ")[1].split(":")[0]) for line in (meaning, words)]
    assert sum(contributions) == pytest.approx(float(title.split()[0]), abs=2e-3)


def test_a_reader_that_has_enough_is_no_failure(index, model_file):
    command = [sys.executable, "-m", "findling", "search", str(index), "boat", "--model", str(model_file)]
    path = os.pathsep.join(each for each in sys.path if each)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": ""}) as running:
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == 0


def test_an_interrupted_command_ends_with_130_and_says_so(index, model_file, monkeypatch, capsys):
    monkeypatch.setattr("findling.installed.engine", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    assert main(["search", str(index), "boat", "--model", str(model_file)]) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_search_for_nothing_ends_with_1_and_prints_nothing(index, model_file, capsys):
    assert main(["search", str(index), "  ", "--model", str(model_file)]) == 1
    assert capsys.readouterr().out == ""


def test_a_file_of_queries_becomes_a_trec_run(index, model_file, tmp_path, capsys):
    queries, run = tmp_path / "q.tsv", tmp_path / "run.trec"
    queries.write_text("qid\tquery\tmore\nq1\twood for rowing\tx\nq2\ta small boat floats\ty\n")
    assert main(["search", str(index), "--queries", str(queries), "--run", str(run), "--limit", "2", "--model", str(model_file)]) == 0
    rows = [line.split() for line in run.read_text().splitlines()]
    assert [(row[0], row[1], row[3], row[5]) for row in rows] == [(qid, "Q0", rank, "findling") for qid in ("q1", "q2") for rank in ("1", "2")]
    assert {row[2] for row in rows} <= {"b.txt", "deep/a.md#1", "deep/a.md#2"}
    assert capsys.readouterr().out == ""


def test_a_run_has_the_hits_and_scores_of_single_searches(index, model_file, tmp_path, capsys):
    queries, run = tmp_path / "q.tsv", tmp_path / "run.trec"
    asked = {"q1": "wood for rowing", "q2": "a small boat -floats", "q3": "  ", "q4": "title:oars", "q5": "the lihgthouse"}
    queries.write_text("qid\tquery\n" + "".join(f"{qid}\t{query}\n" for qid, query in asked.items()))
    for legs in ("both", "meaning", "words"):
        assert main(["search", str(index), "--queries", str(queries), "--run", str(run), "--legs", legs, "--model", str(model_file)]) == 0
        rows = [line.split() for line in run.read_text().splitlines()]
        for qid, query in asked.items():
            main(["search", str(index), query, "--json", "--legs", legs, "--model", str(model_file)])
            hits = json.loads(capsys.readouterr().out)["hits"]
            assert [(row[2], float(row[4])) for row in rows if row[0] == qid] == [(hit["id"], pytest.approx(hit["score"], abs=1e-8)) for hit in hits]


@pytest.mark.parametrize("content", ["wood\n", "qid\tquery\nq1\n", "qid\tquery\nq 1\twood\n", "qid\tquery\n\twood\n", "qid\tquery\nq1\ta\nq1\tb\n"])
def test_queries_that_make_no_run_are_refused(content, index, model_file, tmp_path, capsys):
    queries = tmp_path / "q.tsv"
    queries.write_text(content)
    assert main(["search", str(index), "--queries", str(queries), "--run", str(tmp_path / "r"), "--model", str(model_file)]) == 4
    assert capsys.readouterr().err.endswith("[bad_input]\n")
    assert not (tmp_path / "r").exists()


def test_a_document_id_with_white_space_makes_no_run(model_file, tmp_path, capsys):
    source, out, queries = tmp_path / "x.jsonl", tmp_path / "x.findling", tmp_path / "q.tsv"
    source.write_text('{"id": "a b", "text": "wood"}\n')
    queries.write_text("qid\tquery\nq1\twood\n")
    assert main(["build", str(source), "-o", str(out), "--model", str(model_file)]) == 0
    assert main(["search", str(out), "--queries", str(queries), "--run", str(tmp_path / "r"), "--model", str(model_file)]) == 4
    assert "'a b'" in capsys.readouterr().err


def test_build_takes_several_sources(folder, model_file, tmp_path, capsys):
    lines = tmp_path / "more.jsonl"
    lines.write_text('{"id": "x", "title": "A cake", "tags": ["food"], "date": "2024-05", "size": 7}\n')
    out = tmp_path / "index.findling"
    assert main(["build", str(lines), str(folder), str(folder / "deep"), "-o", str(out), "--model", str(model_file), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["search", str(out), "cake", "--json", "--limit", "20", "--model", str(model_file)]) == 0
    hits = {hit["id"]: hit["document"] for hit in json.loads(capsys.readouterr().out)["hits"]}
    assert set(hits) == {"x", "source/b.txt", "source/deep/a.md#1", "source/deep/a.md#2", "deep/a.md#1", "deep/a.md#2"}
    assert (hits["x"]["tags"], hits["x"]["date"], hits["x"]["meta"]) == (["food"], "2024-05", {"size": 7})


def test_files_get_the_address_that_their_folder_has_on_the_web(tmp_path, model_file, capsys):
    site = tmp_path / "site"
    (site / "a b").mkdir(parents=True)
    (site / "a b/index.html").write_text("<title>Boats</title><p>a small boat")
    (site / "wood.html").write_text("<title>Wood</title><p>a boat of wood")
    (site / "own.html").write_text("<title>Own</title><link rel=canonical href='https://other.example/own'><p>a boat of its own")
    (site / "data.jsonl").write_text('{"id": "x", "title": "boat", "url": "https://other.example/x"}\n')
    out = str(tmp_path / "out.findling")
    assert main(["build", str(site), "-o", out, "--model", str(model_file), "--url", "https://example.org/docs", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["search", out, "boat", "--json", "--model", str(model_file)]) == 0
    urls = {hit["document"]["url"] for hit in json.loads(capsys.readouterr().out)["hits"]}
    assert urls == {"https://example.org/docs/a%20b/", "https://example.org/docs/wood.html", "https://other.example/own", "https://other.example/x"}
    assert main(["build", str(site), "-o", out, "--model", str(model_file), "--url", "example.org"]) == 2


def test_two_sources_with_a_file_of_one_name_are_refused(folder, model_file, tmp_path, capsys):
    other = tmp_path / "b.txt"
    other.write_text("another text")
    assert main(["build", str(folder / "b.txt"), str(other), "-o", str(tmp_path / "x"), "--model", str(model_file)]) == 2
    assert "'b.txt'" in capsys.readouterr().err


def test_the_model_can_be_named_by_the_environment(index, model_file, monkeypatch):
    monkeypatch.setenv("FINDLING_MODEL", str(model_file))
    assert main(["search", str(index), "boat"]) == 0


def test_a_missing_model_is_said_with_the_way_out(index, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FINDLING_MODEL", str(tmp_path / "nowhere"))
    assert main(["search", str(index), "boat"]) == 4
    assert "--model or FINDLING_MODEL" in capsys.readouterr().err


def test_info_tells_kind_and_sections(index, model_file, capsys):
    assert main(["info", str(index)]) == 0
    assert capsys.readouterr().out.startswith("kind     index\n")
    assert main(["info", str(model_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "model"


def test_info_tells_of_each_segment_and_what_is_read_first(capsys):
    listed = [{"file": "segment-a.findling", "length": 900, "documents": 30, "living": 29, "live": False},
              {"file": "segment-b.findling", "length": 70, "documents": 2, "living": 2, "live": True}]
    pointer = {"kind": "index", "size_bytes": 500, "sections": [], "meta": {"segments": listed, "user": {}}}
    headers = {"collection.findling": pointer, **{each["file"]: {"kind": "index", "size_bytes": each["length"], "sections": [], "meta": {}} for each in listed}}
    terminal.header(headers)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "file     collection.findling  500 bytes",
        "file     segment-a.findling  900 bytes  29 of 30 documents",
        "file     segment-b.findling  70 bytes  2 of 2 documents  live",
        "first    570 bytes are read at another place before the first hit; build --fresh makes them fewer",
    ]


def test_info_tells_what_an_index_says_of_itself(tmp_path, capsys):
    engine = load()
    engine.open(encode({"index": "a"}))
    (tmp_path / "index").write_bytes(engine.dump(encode({"index": "a", "meta": {"title": "Sea words", "licence": "MIT"}})))
    assert main(["info", str(tmp_path / "index")]) == 0
    assert {"title    Sea words", "licence  MIT"} <= set(capsys.readouterr().out.splitlines())


@pytest.fixture
def served(monkeypatch):
    """What would be served."""
    calls = []
    monkeypatch.setattr("findling.serve.serve", lambda folder, **options: calls.append((folder, options)))
    return calls


def test_serve_hands_folder_and_port_on(served, tmp_path):
    assert main(["serve", str(tmp_path), "--port", "1234"]) == 0
    assert served == [(tmp_path, {"port": 1234})]


def test_serve_shows_the_page_over_a_collection_and_tells_what_it_costs_elsewhere(served, index, folder, model_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("findling.installed.site", lambda: tmp_path / "site")
    assert main(["serve", str(index)]) == 0
    assert served[0] == (tmp_path / "site", {"port": 8000, "mounts": {"index": index}, "address": "?index=index/index.findling"})
    assert f"{index.stat().st_size} bytes are read at another place before the first hit" in capsys.readouterr().err
    out = tmp_path / "published"
    assert main(["build", str(folder), "-o", str(out), "--model", str(model_file), "--quiet"]) == 0
    assert main(["serve", str(out), "--port", "0"]) == 0
    assert served[1][1] == {"port": 0, "mounts": {"index": out}, "address": "?index=index/collection.findling"}
    assert f"{(out / 'collection.findling').stat().st_size} bytes are read" in capsys.readouterr().err


def test_serve_without_a_built_site_says_so(index, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("findling.installed.PACKAGE", tmp_path)
    monkeypatch.setattr("findling.installed.CHECKOUT", tmp_path)
    assert main(["serve", str(index)]) == 4
    assert "the built site is not part" in capsys.readouterr().err


def test_jobs_are_the_threads_of_the_engine_and_change_no_byte(folder, model_file, tmp_path, index, monkeypatch):
    monkeypatch.setenv("RAYON_NUM_THREADS", "7")
    out = tmp_path / "jobs.findling"
    assert main(["build", str(folder), "-o", str(out), "--model", str(model_file), "--quiet", "--jobs", "1"]) == 0
    assert os.environ["RAYON_NUM_THREADS"] == "1"
    assert out.read_bytes() == index.read_bytes()
    assert main(["build", str(folder), "-o", str(out), "--model", str(model_file), "--jobs", "0"]) == 2


def test_a_collection_travels_as_one_file(folder, model_file, index, tmp_path, capsys):
    out, file, back = tmp_path / "published", tmp_path / "x.findling.zip", tmp_path / "back"
    assert main(["build", str(folder), "-o", str(out), "--model", str(model_file), "--quiet"]) == 0
    assert main(["export", str(out), str(file)]) == 0
    assert main(["import", str(file), str(back)]) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {path.name: path.read_bytes() for path in back.iterdir()}
    assert main(["import", str(file), str(tmp_path / "y.findling")]) == 2
    assert main(["export", str(index), str(file)]) == 0
    assert main(["import", str(file), str(tmp_path / "y.findling")]) == 0
    assert (tmp_path / "y.findling").read_bytes() == index.read_bytes()


def test_what_is_no_export_is_not_imported(index, tmp_path, capsys):
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 and so on")
    assert main(["import", str(tmp_path / "x.zip"), str(tmp_path / "back")]) == 3
    assert not (tmp_path / "back").exists()


def test_verify_finds_a_changed_byte(index, capsys):
    assert main(["verify", str(index)]) == 0
    data = bytearray(index.read_bytes())
    data[-1] ^= 1
    index.write_bytes(data)
    assert main(["verify", str(index)]) in {3, 5}
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1


def test_an_index_that_is_none_ends_with_3(tmp_path, model_file, capsys):
    other = tmp_path / "other"
    other.write_bytes(b"no index of ours, whatever it is")
    assert main(["search", str(other), "boat", "--model", str(model_file)]) == 3
    assert main(["info", str(other)]) == 3
    assert "[bad_format]" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["info", "nowhere"], ["verify", "nowhere"], ["build", "nowhere", "-o", "x"]])
def test_an_input_that_is_not_there_ends_with_4(command, tmp_path, monkeypatch, model_file, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINDLING_MODEL", str(model_file))
    assert main(command) == 4
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["fly"], ["search"], ["build", "x"], ["search", "x", "y", "--limit", "0"], ["search", "x", "y", "--legs", "dense"]])
def test_wrong_usage_ends_with_2(command, capsys):
    assert main(command) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("findling: ") and printed.err.count("\n") == 1


def test_help_and_version_are_results(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"findling {__version__}\n"
    assert main(["search", "--help"]) == 0
    printed = capsys.readouterr()
    assert "--verbatim" in printed.out
    assert printed.err == ""


def test_the_choices_are_those_of_a_plan():
    choices = {name: get_args(hint) for name, hint in get_type_hints(cli._search).items()}
    assert (choices["legs"], choices["encoder"]) == (LEGS, ENCODERS)


def test_doctor_tells_what_works_and_how_fast(model_file, own_cache, capsys):
    assert main(["doctor", "--model", str(model_file)]) == 0
    lines = dict(line[7:].split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert set(lines) == {"findling", "python", "config", "engine", "model", "piece table", "embedding", "scanning", "readers", "site", "cache"}
    assert lines["engine"].startswith("native, kernel ")
    assert hashlib.sha256(model_file.read_bytes()).hexdigest() in lines["model"]
    assert " ms until a text of " in lines["embedding"] and "128 numbers" in lines["embedding"]
    assert " ms until 1000 vectors " in lines["scanning"]
    assert lines["cache"].startswith(f"{own_cache}, 0 files")
    assert not own_cache.exists()


def test_doctor_names_each_fault_and_the_way_out(model_file, own_cache, tmp_path, capsys):
    own_cache.mkdir()
    (own_cache / ("0" * 64)).write_bytes(b"other bytes")
    assert main(["doctor", "--model", str(tmp_path / "nowhere"), "--json"]) == 1
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert {name for name, check in checks.items() if not check["ok"]} == {"model", "embedding", "cache"}
    assert "--model FILE" in checks["model"]["remedy"]
    assert checks["cache"]["remedy"].endswith(f"rm {own_cache / ('0' * 64)}")
    assert main(["doctor", "--model", str(tmp_path / "nowhere")]) == 1
    assert "FAULT  model: " in capsys.readouterr().out


def test_build_walks_a_folder_with_all_readers_and_says_what_it_leaves_out(tmp_path, model_file, capsys):
    folder = tmp_path / "things"
    (folder / "b").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / ".git/config.txt").write_text("hidden")
    (folder / "b/page.html").write_text("<title>Tower</title><p>a lighthouse")
    (folder / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\na keeper sings")
    (folder / "program.exe").write_bytes(b"MZ")
    (folder / "broken.docx").write_bytes(b"PK")
    (folder / "link.txt").symlink_to(folder / "a.srt")
    (folder / "up").symlink_to(tmp_path, target_is_directory=True)
    assert main(["build", str(folder), "-o", str(tmp_path / "out.findling"), "--model", str(model_file), "--json"]) == 0
    told = capsys.readouterr()
    answer = json.loads(told.out)
    assert answer["documents"] == 2
    assert [(each["name"], each["code"]) for each in answer["skipped"]] == [("broken.docx", "bad_input")]
    assert answer["left_out"] == {"hidden": 1, "links": 2, "of other kinds": 1}
    assert "left out: 1 hidden, 2 links, 1 of other kinds" in told.err


def test_search_tells_where_a_passage_stands(tmp_path, model_file, capsys):
    source = tmp_path / "talk.srt"
    source.write_text("1\n01:01:01,500 --> 01:01:05,000\na lighthouse keeper sings")
    (tmp_path / "code.py").write_text("import os\n\ndef climb():\n    return 'the tower'\n")
    assert main(["build", str(tmp_path), "-o", str(tmp_path / "out.findling"), "--model", str(model_file), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["search", str(tmp_path / "out.findling"), "lighthouse", "--model", str(model_file), "--limit", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("  talk  (1:01:01)")


def shown(monkeypatch, steps, *, is_terminal, **environment):
    """What a build of so many steps writes to stderr."""
    written = io.StringIO()
    monkeypatch.setattr(written, "isatty", lambda: is_terminal)
    monkeypatch.setattr(sys, "stderr", written)
    for name, value in {"NO_COLOR": "", "TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)
    with Progress(quiet=False) as progress:
        progress.read("a.txt")
        for done in range(1, steps + 1):
            progress.show(done, steps, f"\x1b[31m{done}.txt")
    return written.getvalue()


def test_progress_is_a_bar_in_a_terminal_and_a_few_lines_elsewhere(monkeypatch):
    assert "\x1b[" in shown(monkeypatch, 200, is_terminal=True)
    assert "\x1b[31m" not in shown(monkeypatch, 200, is_terminal=True)
    lines = [f"{done} of 200 documents" for done in range(20, 201, 20)]
    assert shown(monkeypatch, 200, is_terminal=False).splitlines() == lines
    assert shown(monkeypatch, 200, is_terminal=True, TERM="dumb").splitlines() == lines
    assert shown(monkeypatch, 200, is_terminal=True, NO_COLOR="1").splitlines() == lines
    assert shown(monkeypatch, 20, is_terminal=False) == ""


def test_the_name_of_a_file_does_not_steer_the_terminal(tmp_path, model_file, capsys):
    (tmp_path / "source").mkdir()
    (tmp_path / "source/a.txt").write_text("a boat")
    (tmp_path / "source/\x1b]0;b.json").write_text("{")
    assert main(["build", str(tmp_path / "source"), "-o", str(tmp_path / "x.findling"), "--model", str(model_file)]) == 0
    told = capsys.readouterr().err
    assert "]0;b.json:" in told
    assert "\x1b" not in told
