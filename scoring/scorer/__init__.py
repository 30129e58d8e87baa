"""A stand-alone program, run by the model's own Python, that holds one model and scores files; or that forks such.

It uses the standard library and what the model's environment has (mlflow, pandas, numpy, pyarrow), and
imports
nothing of the project from outside this folder. It must run on Python 3.8, hence `from __future__` in
its files.
"""
