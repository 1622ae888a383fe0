"""What pyproject.toml cannot say: weft/_api.py is made from the headers in ../include."""

from setuptools import setup

setup(cffi_modules=["build_api.py:make_ffi"])
