"""Run by the audited Ray's own Python: print what `ray start` takes, with the hidden options that --help leaves out."""

import json

import click
from ray.scripts.scripts import start

print(
    json.dumps(
        {
            name: "hidden" if option.hidden else "shown"
            for option in start.params
            if isinstance(option, click.Option)
            for name in (*option.opts, *option.secondary_opts)
            if name.startswith("--")
        }
    )
)
