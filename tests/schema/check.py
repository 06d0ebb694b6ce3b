"""Holds files against a schema that it brings along: check.py --builtin-schema NAME FILE…"""

from check_jsonschema import main

main(prog_name="check-jsonschema")
