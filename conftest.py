pytest_plugins = ("fixtures.manifest_lint", "fixtures.ray_audit")
