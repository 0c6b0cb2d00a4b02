"""What travels between workstation and node: frozen values, and the rules that both sides ask."""
