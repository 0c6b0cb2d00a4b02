"""Wizards: `new_group` and `new_resource` show them; `created` tells what came of it."""

from ui.wizards.opening import new_group, new_resource

__all__ = ["new_group", "new_resource"]
