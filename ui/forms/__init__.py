"""Forms made from a schema: fields, rows with label and property name, checks on the nodes, the same as a command."""
