#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the policy check: small systems made up here, each with one thing wrong, and the table of keys against its documentation."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
TOOL = os.path.join(ROOT, "build", "tool", "manifest")
sys.path.insert(0, os.path.dirname(HERE))
import policy  # noqa: E402

PROTOCOLS = {"ds": {"look": ["any"]}, "rs": {"init_ready": ["system"]}, "vm": {"arena": ["system"], "fork": ["pm"]}, "pm": {"identify": ["system"]},
             "kernel": {"exit": ["any"], "kill": ["system"]}}


def service(label, level, **words):
    made = policy.Service(label, label + "/service.conf")
    made.level = level
    made.words = {key: value.split() for key, value in words.items()}
    return made


def system(**changes):
    services = {one.label: one for one in (service("vm", 0), service("rs", 1), service("ds", 2), service("pm", 3, ipc="ALL", vm="fork"),
                                           service("tty", 6, ipc="pm", system="exit"))}
    services.update(changes)
    return services


def found(services, uses, protocols=PROTOCOLS):
    problems = list(policy.check_names(services, protocols))
    for label, used in uses.items():
        problems += policy.check_rights(services[label], services, protocols, used)
    return problems + list(policy.check_graph(services, policy.graph_of(services, {label: uses.get(label, {}) for label in services})))


def tool(text):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(text)
        file.flush()
        result = subprocess.run([TOOL, file.name], capture_output=True, text=True)
        return result.returncode, result.stdout, result.stderr.replace(file.name, "FILE")


def keys_in_documentation():
    """[(key, rule)] of the tool that servers/rs/manifest.md lacks."""
    listed = [line.split("\t") for line in subprocess.run([TOOL, "--keys"], capture_output=True, text=True, check=True).stdout.splitlines()]
    with open(os.path.join(ROOT, "servers", "rs", "manifest.md")) as handle:
        rows = handle.read().splitlines()
    return len(listed), [(key, rule) for key, rule in listed if not any(row.startswith(("| %s |" % key, "| %s * |" % key)) and rule in row for row in rows)]


def main():
    results = []

    def say(name, condition, detail=""):
        results.append(bool(condition))
        print("%s %d - %s" % ("ok" if condition else "not ok", len(results), name) + ("" if condition else "\n# %s" % (detail,)))

    say("a_good_system_has_no_problem", not found(system(), {"pm": {("vm", "fork"): True}, "tty": {("pm", "identify"): True, ("kernel", "exit"): True}}))
    circle = found(system(), {"pm": {("ds", "look"): True}, "ds": {("pm", "identify"): True}})
    say("a_circle_is_printed", any("circle" in one and "ds -pm.identify-> pm -ds.look-> ds" in one for one in circle), circle)
    say("messages_that_do_not_wait_form_no_circle", not found(system(), {"pm": {("ds", "look"): True}, "ds": {("pm", "identify"): False}}))
    down = found(system(), {"vm": {("ds", "look"): True}})
    say("a_call_downhill_is_refused", down == ["vm/service.conf: vm (level 0) waits for ds (level 2) in ds.look"], down)
    say("a_caller_that_the_idl_does_not_allow_is_refused", any("allows only pm" in one for one in found(system(), {"tty": {("vm", "fork"): True}})))
    say("a_kernel_call_beyond_system_is_refused", any("`system` does not name" in one for one in found(system(), {"tty": {("kernel", "kill"): True}})))
    say("a_call_of_vm_beyond_vm_is_refused", any("`vm` does not name" in one for one in found(system(), {"tty": {("vm", "arena"): True}})))
    alone = system(tty=service("tty", 6, ipc=""), pm=service("pm", 3, ipc=""))
    say("a_server_without_a_way_to_it_is_refused", any("neither `ipc`" in one for one in found(alone, {"tty": {("pm", "identify"): True}})))
    say("an_allow_that_names_nobody_is_refused", any("ghost, which is no service" in one for one in found(system(), {}, {"ds": {"look": ["ghost"]}})))
    say("a_peer_that_is_nobody_is_refused", any("ghost, which is no service" in one for one in found(system(tty=service("tty", 6, ipc="ghost")), {})))
    status, output, errors = tool("service a { ipc NONE; }\nservice b {\n  uid x;\n}\n")
    say("a_mistake_in_a_file_has_its_place", status == 1 and errors == "FILE:3:7: uid: expected a user id from 0 to 65534, not 'x'\n", errors)
    status, output, errors = tool("service a { level 3; ipc b; system BASIC kill; sigmgr pm; }")
    say("a_good_file_is_told", status == 0 and "level 3" in output and "ipc b\n" in output and " kill" in output and "refers pm" in output, output)
    count, lacking = keys_in_documentation()
    say("every_key_is_documented_with_its_rule", count > 15 and not lacking, lacking)
    print("1..%d" % len(results))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
