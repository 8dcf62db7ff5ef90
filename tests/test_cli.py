"""The command line, used as a stranger uses it: in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from functions import small_catalogue
from kassei.cli import kassei as group
from kassei.core.complaint import ENGLISH
from kassei.library import catalogue
from kassei.phrases import Phrases

ESCAPE = "\x1b"


def run(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kassei", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def refusal(*arguments: str, cwd: Path | None = None) -> str:
    """What stderr says when the input is bad: one message, status 2, nothing on stdout."""
    done = run(*arguments, cwd=cwd)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def commands() -> list[tuple[str, ...]]:
    """Every command, as the words that call it."""
    found: list[tuple[str, ...]] = [()]
    for name, command in sorted(group.commands.items()):
        found.append((name,))
        found += [(name, child) for child in sorted(getattr(command, "commands", {}))]
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_command_explains_itself(command: tuple[str, ...], lang: str) -> None:
    done = run(*command, "--help", "--lang", lang)
    assert done.returncode == 0
    assert Phrases(lang)("option.help") in done.stdout
    assert "[en]" not in done.stdout
    assert ESCAPE not in done.stdout


def test_the_commands_are_those_of_the_interface() -> None:
    known = {"list", "show", "check", "claims", "emit", "targets", "site", "new", "certify", "verify", "atlas"}
    known |= {"audit", "bench"}
    assert set(group.commands) == known


def test_help_is_quick() -> None:
    def seconds() -> float:
        begin = time.perf_counter()
        run("--help")
        return time.perf_counter() - begin

    assert min(seconds() for _ in range(5)) < 0.3


def test_the_version_is_the_package_s() -> None:
    from kassei import __version__

    assert run("--version").stdout == f"kassei {__version__}\n"


def test_show_prints_the_dossier() -> None:
    done = run("show", "exponential")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for line in (
        "f(v) = Piecewise((v, v >= 0), (exp(a)*v/(exp(a) - v), True))",
        "df/dv Piecewise((1, v >= 0), (exp(2*a)/(-v + exp(a))**2, True))",
        "v → -oo f → -exp(a) f′ → 0",
        "a → -oo f → Max(0, v) = relu",
        "a → oo f → v = identity",
        "R1 proved continuous on R and never decreasing",
        "Lipschitz constant proved 1",
    ):
        assert line in lines
    assert ESCAPE not in done.stdout
    assert not any(line != line.rstrip() for line in done.stdout.splitlines())


def test_atlas_prints_what_holds_between_functions() -> None:
    done = run("atlas", "relu", "prelu", "leaky_relu", "--part", "limits", "--part", "kin")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "prelu a → 0 relu(v) pointwise, not uniformly on R" in lines
    assert "leaky_relu(v) = prelu(v, a=c)" in lines
    assert Phrases("en")("atlas.requirements") not in lines
    document = json.loads(run("atlas", "relu", "--json").stdout)
    assert set(document) == {"schema", "limits", "kin", "requirements", "open"}
    assert document["requirements"][0]["R3_bounded"] == {"verdict": "refuted", "condition": None}
    assert "relu" in refusal("atlas", "relu", "relu")


def test_show_speaks_japanese() -> None:
    done = run("show", "relu", "--lang", "ja", LANG="C")
    assert done.returncode == 0
    assert "導関数" in done.stdout
    assert "証明" in done.stdout
    assert "[en]" not in done.stdout


def test_evidence_of_the_properties_is_shown_on_request() -> None:
    short, long = run("show", "relu").stdout, run("show", "relu", "--steps").stdout
    assert long.count("·") > short.count("·") > 3


def test_json_is_an_object_for_one_name_and_a_list_for_several(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('expr = "x**3"', encoding="utf-8")
    one = json.loads(run("show", "relu", "--json").stdout)
    assert (one["schema"], one["name"], one["requirements"]["R1"]["verdict"]) == (1, "relu", "proved")
    several = json.loads(run("show", "relu", str(mine), "--json").stdout)
    assert [document["name"] for document in several] == ["relu", "mine"]
    assert set(json.loads(run("check", "relu", "--json").stdout)) == {"name", "R1", "R2", "R3"}


def test_commands_run_in_an_interpreter_that_hashes_the_same_way_every_time() -> None:
    started = "import sys; print(sys.flags.hash_randomization); from kassei.__main__ import main; main()"
    for seed, shown in (("random", "1\n0\n"), ("7", "1\n0\n"), ("0", "0\n")):
        done = subprocess.run(
            [sys.executable, "-u", "-c", started, "--version"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith(shown + "kassei "), done.stdout


def test_the_same_command_prints_the_same_bytes() -> None:
    runs = {run("show", "prelu", "--json", PYTHONHASHSEED=seed).stdout for seed in ("1", "2")}
    assert len(runs) == 1


@pytest.mark.parametrize(
    ("names", "status"),
    [(["relu"], 0), (["exponential", "elu"], 0), (["sigmoid"], 1), (["prelu"], 1), (["relu", "step"], 1)],
)
def test_check_answers_with_its_status(names: list[str], status: int) -> None:
    assert run("check", *names).returncode == status


def test_an_open_requirement_is_status_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from kassei import cli, library
    from kassei.core.verdict import Verdict

    verdicts = {"R1": Verdict(truth="unknown"), **{name: Verdict(truth="proved") for name in ("R2", "R3")}}
    monkeypatch.setattr(library, "require_all", lambda functions, seconds: [verdicts for _ in functions])
    with pytest.raises(SystemExit) as left:
        cli.main(["check", "relu"])
    assert left.value.code == 3
    assert "unknown" in capsys.readouterr().out


def test_list_names_the_catalogue_with_its_verdicts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part of the catalogue is enough to see that every function is listed."""
    from kassei import cli

    small = small_catalogue()
    monkeypatch.setattr("kassei.library.catalogue", small)

    def listed(*options: str) -> str:
        with pytest.raises(SystemExit) as left:
            cli.main(["list", *options])
        assert left.value.code == 0
        return capsys.readouterr().out

    entries = json.loads(listed("--json"))
    assert [entry["name"] for entry in entries] == list(small)
    assert all(entry[name]["verdict"] for entry in entries for name in ("R1", "R2", "R3"))
    assert all(set(entry["title"]) == {"en", "ja"} for entry in entries)
    rows = listed().splitlines()
    assert len(rows) >= len(small) + 2
    assert rows[2].split()[0] == next(iter(small))


def test_claims_are_chosen_by_id() -> None:
    (entry,) = json.loads(run("claims", "S3.6", "--json").stdout)
    keys = {"id", "source", "statement", "formal", "verdict", "condition", "corrected", "evidence"}
    assert keys <= set(entry)
    assert (entry["id"], entry["verdict"]) == ("S3.6", "holds")
    assert "ReLU" in run("claims", "S3.6", "--lang", "ja").stdout
    assert "no claim 'S9.9'" in refusal("claims", "S3.6", "S9.9")


def test_an_alias_and_a_path_are_names_too(tmp_path: Path) -> None:
    assert json.loads(run("check", "GELU-new", "--json").stdout)["name"] == "gelu_tanh"
    (tmp_path / "relu.toml").write_text('name = "mine"\nexpr = "v"', encoding="utf-8")
    assert json.loads(run("check", "relu.toml", "--json", cwd=tmp_path).stdout)["name"] == "mine"
    assert json.loads(run("check", "relu", "--json", cwd=tmp_path).stdout)["name"] == "relu"


BAD_FILES = {
    'expr = "v*(1 + b)"': ["bad.toml: key 'expr', column 8:", "[parameters.b]"],
    "expr = \"__import__('os').system('touch pwned')\"": ["bad.toml: key 'expr', column 1:", "__import__"],
    'expr = "v"\nnmae = "x"': ["bad.toml: key 'nmae':", "did you mean name?"],
    'expr = "a*v"\n[parameters.a]\ndomain = "(1, 0)"\ndefault = 1': ["key 'parameters.a.domain', column 1:"],
    "expr = ": ["bad.toml: ", "not TOML"],
}


@pytest.mark.parametrize("text", BAD_FILES, ids=[repr(t)[:30] for t in BAD_FILES])
@pytest.mark.parametrize("command", ["show", "check", "emit"])
def test_a_bad_file_is_one_message_and_leaves_nothing(text: str, command: str, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(text, encoding="utf-8")
    more = ["--target", "numpy", "--out", "out"] if command == "emit" else []
    said = refusal(command, "relu", "bad.toml", *more, cwd=tmp_path)
    assert all(part in said for part in BAD_FILES[text])
    assert [path.name for path in tmp_path.iterdir()] == ["bad.toml"]


def test_other_bad_input_is_explained(tmp_path: Path) -> None:
    assert "did you mean relu" in refusal("show", "relo")
    assert "no such file" in refusal("show", "absent.toml", cwd=tmp_path)
    assert "at least one NAME" in refusal("show")
    assert "unknown target" in refusal("emit", "relu", "--target", "fortran", "--out", "x", cwd=tmp_path)
    assert "--all" in refusal("emit", "--target", "numpy", "--out", "x", cwd=tmp_path)
    assert "No such command" in refusal("frobnicate")
    assert not list(tmp_path.iterdir())


def test_a_refusal_speaks_japanese(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('expr = "v^2"', encoding="utf-8")
    assert "キー 'expr', 列 2" in refusal("show", "bad.toml", "--lang", "ja", cwd=tmp_path)


@pytest.mark.parametrize("target", ["numpy", "cuda"])
def test_emit_writes_and_check_finds_drift(target: str, tmp_path: Path) -> None:
    emitted = ("emit", "relu", "exponential", "--target", target, "--out", "out")
    done = run(*emitted, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == 2
    assert [line.split()[-1] for line in done.stdout.splitlines()] == [f"out/{path.name}" for path in files]
    assert run(*emitted, "--check", cwd=tmp_path).returncode == 0
    before = files[0].read_bytes()
    files[0].write_bytes(before + b"\n# edited")
    files[1].unlink()
    drifted = run(*emitted, "--check", cwd=tmp_path)
    assert drifted.returncode == 1
    assert all(path.name in drifted.stderr for path in files)
    assert files[0].read_bytes() != before
    assert not files[1].exists()


def test_the_output_folder_may_not_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    refusal("emit", "relu", "--target", "numpy", "--out", "out", cwd=tmp_path)
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


def test_a_missing_extra_is_named_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import importlib.util

    from kassei import cli

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SystemExit) as left:
        cli.main(["site", "build", "--out", str(tmp_path / "site")])
    assert left.value.code == 2
    assert "kassei[site]" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_targets_say_what_they_need() -> None:
    said = run("targets").stdout
    assert all(name in said for name in ("numpy", "cuda", "NumPy", "CuPy"))


def test_a_new_definition_can_be_shown_at_once_and_is_not_overwritten(tmp_path: Path) -> None:
    assert run("new", "my_unit", cwd=tmp_path).returncode == 0
    path = tmp_path / "my_unit.toml"
    text = path.read_text(encoding="utf-8")
    assert run("check", "my_unit.toml", cwd=tmp_path).returncode == 0
    assert "exists" in refusal("new", "my_unit", cwd=tmp_path)
    assert path.read_text(encoding="utf-8") == text
    assert [p.name for p in tmp_path.iterdir()] == ["my_unit.toml"]
    assert "lower-case" in refusal("new", "../evil", cwd=tmp_path)
    assert run("new", "other", "--stdout", "--lang", "ja", cwd=tmp_path).stdout.startswith("# 活性化関数")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "kassei", "show", "relu", "gelu", "tanh", "--steps"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert (process.wait(timeout=120), said) == (0, b"")


@pytest.mark.parametrize("delay", [0.9, 1.5, 2.0])
def test_an_interrupted_run_ends_quietly_with_130(delay: float) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "kassei", "show", *catalogue, *catalogue],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        time.sleep(delay)  # well inside the analysis, which takes seconds
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
        assert (process.returncode, out, said) == (130, b"", b"")


def test_an_interrupt_while_text_is_evaluated_ends_with_130_too(tmp_path: Path) -> None:
    """Python remembers an interrupt that left ``exec`` or ``eval``, though it was caught, and would end by a signal."""
    module = """
from kassei import cli
def stop(context): raise KeyboardInterrupt
cli.kassei.invoke = lambda context: eval("stop(context)", {"stop": stop, "context": context})
cli.main(["list"])
"""
    (tmp_path / "stopped.py").write_text(module, encoding="utf-8")
    command = [sys.executable, "-m", "stopped"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_every_phrase_exists_in_japanese() -> None:
    english, japanese = Phrases("en"), Phrases("ja")
    spoken = {key for key in japanese.templates if not key.startswith("complaint.")}
    assert set(english.templates) == spoken
    assert set(ENGLISH) == set(japanese.section("complaint"))


def test_translations_fill_in_the_same_facts() -> None:
    from string import Formatter

    def facts(template: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(template) if name}

    english, japanese = Phrases("en").templates, Phrases("ja").templates
    for key, template in english.items():
        assert facts(template) == facts(japanese[key]), key
    for key, template in ENGLISH.items():
        assert facts(template) == facts(japanese[f"complaint.{key}"]), key


def test_the_command_alone_explains_itself() -> None:
    done = run()
    assert "Usage" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
