"""python -m gk_plugin is the command gk-plugin."""

from .cli import main

main()
