# SPDX-License-Identifier: Apache-2.0
"""Rules for alerts: what one VM has of its own, what a reload does with a bad one, and the page that
explains them."""

import re
import tomllib

import libvirt
import pytest

from lab.agent import ROOT, run_agent
from lab.alerts import AT_ONCE, RULES, above, expect_alert, firing, id_of, only, same
from lab.guests import METADATA_NAMESPACE, Guest
from lab.wait import wait_until

MONITOR = "/ws/monitor?events=alert,vm_status_changed"


def set_metadata(guest: Guest, element: str, flags: int = libvirt.VIR_DOMAIN_AFFECT_CONFIG):
    """What `virsh metadata --set` does."""
    guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, element, "rollo",
                             METADATA_NAMESPACE, flags)


# --- one VM's own --------------------------------------------------------------------------------


def test_silenced_beside_loud(agents, guests, connect):
    """By the configuration, by name and UUID, and by metadata; by what VMs are all the same."""
    by_name, by_uuid, by_metadata, loud = made = [
        guests(name) for name in ("by-name", "by-uuid", "by-metadata", "loud")]
    for guest in made:
        guest.define()
    set_metadata(by_metadata, '<vm alerts="off"/>')
    agent = agents(config={
        **only(vm_crashed=AT_ONCE),
        'alerts.vms."by-name".vm_crashed': {"enabled": False},
        f'alerts.vms."{by_uuid.spec.uuid}"': {"enabled": False},
        'alerts.vms."loud".vm_crashed': {"severity": "info"}})
    client = connect(agent, MONITOR)
    for guest in made:
        guest.start()
        guest.kill()
        client.expect_data("vm_status_changed", vm_uuid=guest.spec.uuid, new_status="stopped")
    client.rewind()
    assert expect_alert(client, "vm_crashed", entity_id=id_of(agent, loud))["severity"] == "info"
    assert [alert["entity_id"] for alert in firing(agent)] == [id_of(agent, loud)]
    assert len(client.messages("alert")) == 1


@pytest.mark.short
def test_metadata_holds_at_once(agents, guests, connect):
    guest = guests("changing").define().start()
    agent = agents(config=only(vm_crashed=AT_ONCE))
    client = connect(agent, MONITOR)
    guest.kill()
    fired = expect_alert(client, "vm_crashed", severity="error")
    set_metadata(guest, '<vm><alert rule="vm_crashed" enabled="false"/></vm>')
    assert same(expect_alert(client, "vm_crashed", "resolved"), fired)
    set_metadata(guest, '<vm><alert rule="vm_crashed" severity="critical"/></vm>')
    assert expect_alert(client, "vm_crashed")["severity"] == "critical"


def test_bad_metadata_is_told_once_and_the_rest_holds(agents, guests, connect):
    guest = guests("careless").define().start()
    agent = agents(config=only(vm_crashed=AT_ONCE))
    client = connect(agent, MONITOR)
    set_metadata(guest, '<vm><alert rule="vm_cpu" for_seconds="soon"/>'
                        '<alert rule="vm_crashed" severity="info"/></vm>',
                 libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    told = ("the metadata of careless: alert vm_cpu: for_seconds: must be an integer from 0 to "
            "86400")
    wait_until(lambda: told in agent.log(), 10, "it is logged")
    guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "Titled", None, None,
                             libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    wait_until(lambda: agent.get(f"/api/v1/vms/{guest.spec.uuid}")[1]["title"] == "Titled", 10,
               "it was described again")
    guest.kill()
    assert expect_alert(client, "vm_crashed")["severity"] == "info"
    assert agent.log().count(told) == 1


# --- the file ------------------------------------------------------------------------------------


@pytest.mark.short
def test_a_bad_rule_changes_nothing(agents, guests, connect):
    guest = guests("steady").define().start()
    agent = agents(config=only(vm_crashed=AT_ONCE))
    client = connect(agent, MONITOR)
    agent.config["alerts.vm_crashed"] = {"enabled": False, "for_seconds": -1}
    agent.config['alerts.vms."steady".vm_cpu'] = above(80, 90)
    agent.reload()
    lines = agent.config_path.read_text().splitlines()
    first = lines.index("for_seconds = -1") + 1
    second = next(i for i, line in enumerate(lines) if "clear = 90" in line)
    wait_until(lambda: "the configuration stays as it was" in agent.log(), 10, "it was read")
    assert (f"{agent.config_path}:{first}: alerts.vm_crashed.for_seconds: must be an integer from "
            "0 to 86400") in agent.log()
    assert (f'{agent.config_path}:{second + 1}: alerts.vms."steady".vm_cpu.thresholds: '
            "warning.clear: must be from 0 to what `raise` is") in agent.log()
    guest.kill()
    expect_alert(client, "vm_crashed")


# --- the page ------------------------------------------------------------------------------------


PAGE = ROOT / "docs/alerts.md"


def test_the_page_has_every_rule_with_its_default():
    printed = tomllib.loads(run_agent("--print-default-config").stdout)["alerts"]
    assert set(printed) == set(RULES)
    sections = re.split(r"^### `(\w+)`$", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
    explained = dict(zip(sections[::2], sections[1::2]))
    assert list(explained) == list(RULES)
    for rule, text in explained.items():
        default = re.search(r"^Default: (.*)\.$", text, re.M)[1]
        told = tomllib.loads("\n".join(re.findall(r"`([^`]+)`", default)))
        assert {"enabled": True, **told} == printed[rule], rule


def test_the_examples_on_the_page_are_good(tmp_path):
    examples = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(examples) == 2
    for number, example in enumerate(examples):
        path = tmp_path / f"{number}.toml"
        path.write_text(example)
        checked = run_agent("--config", str(path), "--check-config")
        assert checked.returncode == 0, checked.stderr
