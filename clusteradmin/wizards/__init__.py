"""Wizards without a window: the answers so far, and which page comes next."""
