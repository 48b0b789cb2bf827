"""Exit with 0 when this environment has what pyproject.toml requires: `has_requirements.py .` or `… '.[dev]'`.

For `setup`, where pip could not install anything: without a network, an environment that works is used as it is.
"""

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement


def is_there(requirement: Requirement) -> bool:
    """Return whether a version that suits is installed."""
    try:
        return requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False


def main() -> int:
    """Compare what is installed with what is required."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [*project["dependencies"]]
    if sys.argv[1].endswith("[dev]"):
        names += project["optional-dependencies"]["dev"]
    required = [Requirement(name) for name in names]
    wanted = [each for each in required if each.marker is None or each.marker.evaluate()]
    missing = [str(each) for each in wanted if not is_there(each)]
    if missing:
        print(f"missing: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
