pytest_plugins = ("fixtures.manifest_lint",)
