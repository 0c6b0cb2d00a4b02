"""A Python prompt with `cluster` connected: python -m clusteradmin.automation [TARGET]."""

from __future__ import annotations

import code
import sys

from clusteradmin import automation
from clusteradmin.cli.exits import Exit, exit_code
from clusteradmin.cli.output import error_line
from nodeagent.api.problems import ClusterError


def main(argv: list[str]) -> int:
    """Open the cluster and let the person type; return an exit code."""
    if len(argv) > 1 or argv[:1] in (["-h"], ["--help"]):
        sys.stderr.write("Usage: python -m clusteradmin.automation [TARGET]\n")
        return Exit.USAGE
    try:
        with automation.Cluster().open(argv[0] if argv else "") as cluster:
            names = {name: getattr(automation, name) for name in automation.__all__}
            banner = f"cluster is {cluster!r}; try cluster.resource_groups, cluster.nodes. Ctrl-D leaves."
            code.interact(banner, local={**names, "cluster": cluster}, exitmsg="")
    except ClusterError as exc:
        sys.stderr.write(f"{error_line(exc.problem)}\n")
        return exit_code(exc)
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
