#!/bin/sh
set -eu
exec uvicorn "$1" --host 0.0.0.0 --port "$PORT"
