"""The conda packages: what the recipe says once it is rendered."""

from __future__ import annotations

from pathlib import Path

import rattler_build

from release.errors import ReleaseError

__all__ = ["render"]


def render(recipe: Path) -> dict[str, list[str]]:
    """Render a recipe; return what each package needs to run, by the package's name and version, like ``name 1.0``.

    Raises ReleaseError for what is no recipe: an unknown field, a malformed version or requirement.
    """
    try:
        rendered = rattler_build.Stage0Recipe.from_file(str(recipe)).render(rattler_build.VariantConfig())
    except rattler_build.RattlerBuildError as error:
        raise ReleaseError(f"{recipe.name}: {error}") from error
    packages = {}
    for variant in rendered:
        said = variant.recipe.to_dict()
        name = f"{said['package']['name']} {said['package']['version']}"
        packages[name] = [_text(requirement) for requirement in said["requirements"]["run"]]
    return packages


def _text(requirement: str | dict[str, dict[str, str]]) -> str:
    """Return a requirement as text; another package of the recipe is pinned exactly, and said so."""
    return requirement if isinstance(requirement, str) else f"{requirement['pin_subpackage']['name']}, this very build"
