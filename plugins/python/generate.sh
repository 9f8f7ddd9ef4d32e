#!/usr/bin/env bash
# Makes gk_plugin/_v1/plugin_pb2.py and its types from the protocol. The old grpcio-tools is on purpose: what it writes works with every
# protobuf from 4.25 on, so that the package can be installed beside any TensorFlow.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q grpcio-tools==1.62.3 'setuptools<81'
mkdir -p "$work/gk_plugin/_v1"
cp ../proto/v1/plugin.proto "$work/gk_plugin/_v1/plugin.proto"
"$work/venv/bin/python" -m grpc_tools.protoc -I "$work" --python_out="$work" --pyi_out="$work" gk_plugin/_v1/plugin.proto
cp "$work"/gk_plugin/_v1/plugin_pb2.py "$work"/gk_plugin/_v1/plugin_pb2.pyi gk_plugin/_v1/
