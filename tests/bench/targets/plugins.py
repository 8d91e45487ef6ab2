"""T1 and T2: what plugins in the way of a message cost. CPU per message, with them and without, in
turns."""

from pathlib import Path

from scenarios import CORE
from targets.lines import Line, differences, flow_seconds, keel, ratios, repetitions

FLOWS = [each for each in CORE if each.name in ("P0", "P1", "F1")]
USER, PASSWORD = "ann", "her password"
FILES = {
    "plugins/emqx_auth_username.conf":
        f'auth.user.1.username = "{USER}"\nauth.user.1.password = "{PASSWORD}"\n',
    "plugins/emqx_acl.conf": 'acl.file = "acl.conf"\n',
    "acl.conf": f'''
[[rule]]
permit = "deny"
user = "nobody"
topics = ["#"]
[[rule]]
permit = "allow"
user = "{USER}"
topics = ["bench/#"]
[[rule]]
permit = "deny"
all = true
''',
}


def in_turns(bench, label, kinds):
    """Runs each flow with each of `kinds`, {name: (keel options, generator options)}, in turns; the
    results by flow and kind."""
    results = {flow.name: {kind: [] for kind in kinds} for flow in FLOWS}
    for _ in repetitions(bench):
        for flow in FLOWS:
            for kind, (options, more) in kinds.items():
                with keel(bench, **options) as broker:
                    broker.name = kind
                    results[flow.name][kind].append(bench.load(
                        broker, f"{label} {flow.name}",
                        f"{flow.options} {flow_seconds(bench)} {more}"))
    return results


def no_opinion(bench):
    def five(name):
        return {"plugins": [f"{name}_{number}" for number in range(1, 6)],
                "settings": [f'plugins.dir="{Path(bench.arguments.plugins).resolve()}"']}

    kinds = {"asked": ("asked about each publish", 20),
             "judging": ("asked whether it is allowed besides", None),
             "told": ("told of deliveries and acknowledgements besides", None)}
    results = in_turns(bench, "T1", {"none": ({}, ""),
                                     **{kind: (five(kind), "") for kind in kinds}})
    return [Line(f"{flow.name}, {words}",
                 differences(results[flow.name][kind], results[flow.name]["none"], scale=1e3),
                 "ns", at_most=target)
            for flow in FLOWS for kind, (words, target) in kinds.items()]


def access(bench):
    both = {"plugins": ["emqx_auth_username", "emqx_acl"], "files": FILES}
    results = in_turns(bench, "T2", {
        "none": ({}, ""), "both": (both, f"--username {USER} --password '{PASSWORD}'")})
    return [Line(f"{flow.name}, times that without",
                 ratios(results[flow.name]["both"], results[flow.name]["none"]), at_most=1.10)
            for flow in FLOWS]
