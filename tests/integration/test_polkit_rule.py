# SPDX-License-Identifier: Apache-2.0
"""The rule that `rollo-agent console enable` installs, run by the JavaScript engine that polkit
uses, and what the command says about it. Nothing here touches the machine's own /etc."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.agent import run_agent, toml

NAME = "50-rollo-agent.rules"
MANAGE, MONITOR = "org.libvirt.unix.manage", "org.libvirt.unix.monitor"

# What polkit(8) gives a rule, as far as this one may need it.
POLKIT = """
var rules = [];
var polkit = {Result: {YES: "yes", NO: "no", NOT_HANDLED: null},
              addRule: function(rule) { rules.push(rule); },
              log: function() {}};
"""
ASKED = """
var answers = questions.map(function(asked) {
    for (var i = 0; i < rules.length; i++) {
        var said = rules[i]({id: asked[0], lookup: function() {}},
                            {user: asked[1], groups: ["libvirt", "rollo-agent"], local: true,
                             active: true, session: "1", isInGroup: function() { return true; }});
        if (said) return said;
    }
    return null;
});
print(JSON.stringify(answers));
"""


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(toml({"libvirt": {"uri": "test:///default"}}))
    return path


@pytest.fixture
def rules(tmp_path) -> Path:
    (tmp_path / "rules.d").mkdir()
    return tmp_path / "rules.d"


def console(config: Path, rules: Path, what: str, user: str = "nobody"):
    return run_agent("--config", str(config), "console", f"--polkit-rules={rules}",
                     f"--user={user}", what)


def answers(rule: Path, questions: list[tuple[str, str]], directory: Path) -> list:
    """What the rule says to actions of users."""
    script = directory / "asked.js"
    script.write_text(POLKIT + rule.read_text() + f"var questions = {json.dumps(questions)};"
                      + ASKED)
    engine = shutil.which("duk")
    assert engine, "duktape is not installed"
    done = subprocess.run([engine, str(script)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_rule_says_yes_to_that_user_and_that_action_and_nothing_to_all_else(config, rules,
                                                                                tmp_path):
    assert console(config, rules, "enable").returncode == 0
    questions = [(MANAGE, "nobody"), (MONITOR, "nobody"), (MANAGE, "root"), (MANAGE, "nobody2"),
                 (MANAGE, "Nobody"), (MANAGE, ""), ("org.libvirt.unix.manage2", "nobody"),
                 ("org.libvirt.unix", "nobody"), ("org.freedesktop.systemd1.manage-units",
                                                  "nobody"), ("", "nobody")]
    assert answers(rules / NAME, questions, tmp_path) == ["yes"] + [None] * 9


def test_it_says_what_it_grants(config, rules):
    told = console(config, rules, "enable")
    assert told.returncode == 0 and not told.stderr
    for part in ("serial consoles are switched on", str(rules / NAME), "the user nobody", MANAGE,
                 "as good as root", "nothing smaller", "console disable"):
        assert part in told.stdout, part
    status = console(config, rules, "status").stdout
    assert "switched on by" in status and f"{rules / NAME}: polkit lets the user nobody" in status


def test_disabling_removes_the_rule_and_nothing_else(config, rules):
    other = rules / "50-other.rules"
    other.write_text("// of somebody else\n")
    assert console(config, rules, "enable").returncode == 0
    assert sorted(os.listdir(rules)) == ["50-other.rules", NAME]
    told = console(config, rules, "disable")
    assert told.returncode == 0 and "switched off" in told.stdout and "removed" in told.stdout
    assert os.listdir(rules) == ["50-other.rules"]
    status = console(config, rules, "status").stdout
    assert "switched off by" in status and "there is no polkit rule" in status


def test_a_file_of_somebody_else_stays_and_is_named(config, rules):
    (rules / NAME).write_text("// mine\n")
    for what in ("enable", "disable"):
        told = console(config, rules, what)
        assert told.returncode == 1 and str(rules / NAME) in told.stderr
        assert (rules / NAME).read_text() == "// mine\n"


@pytest.mark.parametrize("user, folder, missing", [
    ("no-such-user", "rules.d", "there is no user no-such-user"),
    ("nobody", "nowhere", "there is no folder")])
def test_where_something_is_missing_it_says_what_to_do(config, rules, tmp_path, user, folder,
                                                       missing):
    told = console(config, tmp_path / folder, "enable", user)
    assert told.returncode == 0 and "switched on" in told.stdout
    assert "No polkit rule was installed" in told.stdout and missing in told.stdout
    assert "run this again" in told.stdout
    assert not os.listdir(rules) and not (tmp_path / "nowhere").exists()


def test_a_name_that_would_end_the_string_in_the_rule_is_refused(config, rules):
    told = console(config, rules, "enable", 'x" || true || "')
    assert told.returncode == 1 and "--user" in told.stderr and "|| true" not in told.stderr
    assert not os.listdir(rules)
