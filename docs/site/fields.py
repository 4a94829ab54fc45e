"""Lets the reference read `name: type = setting(kind, "what it is", default)` of a spec as a field with a docstring."""

import ast

import griffe


class Settings(griffe.Extension):
    """Gives a field its text and its default, which dataclasses find at run time alone."""

    def on_attribute_instance(self, *, node, attr, **kwargs):
        call = getattr(node, "value", None)
        if not (isinstance(call, ast.Call) and ast.unparse(call.func) == "setting"):
            return
        given = dict(zip(("kind", "about", "default", "flag"), attr.value.arguments))
        given.update({part.name: part.value for part in attr.value.arguments if isinstance(part, griffe.ExprKeyword)})
        about = call.args[1]
        parts = about.values if isinstance(about, ast.JoinedStr) else [about]
        text = "".join(part.value if isinstance(part, ast.Constant) else ast.unparse(part.value) for part in parts)
        attr.docstring = griffe.Docstring(text, lineno=about.lineno, parent=attr)
        default = given.get("default")
        attr.value = None if isinstance(default, griffe.ExprKeyword) else default
