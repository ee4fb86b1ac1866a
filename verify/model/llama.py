#!/usr/bin/env python3
"""Serves the model of `tiny.py` by llama.cpp's own server, in OpenAI's API.

Says its address in one line, once it serves, and ends when its stdin does. `/slots` tells if it is at work,
and `/metrics` how much it has written.
"""
import os
import sys
import tempfile

import xllamacpp

import tiny

params = xllamacpp.CommonParams()
params.model_alias = {"tiny"}
params.port = 0
params.n_ctx = 1 << 16
params.n_parallel = 1
params.n_threads_http = 4
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
params.endpoint_slots = True
params.endpoint_metrics = True
params.warmup = False
with tempfile.TemporaryDirectory() as folder:
    params.model.path = os.path.join(folder, "tiny.gguf")
    tiny.write(params.model.path)
    server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
# A server in the middle of an answer would be waited for.
os._exit(0)
