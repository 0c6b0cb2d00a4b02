"""What is allowed and why not: functions of a Snapshot, asked by menus, wizards, command line and agent alike."""
