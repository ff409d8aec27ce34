"""Three resolutions become a runbook, over half a year of a made-up company."""
