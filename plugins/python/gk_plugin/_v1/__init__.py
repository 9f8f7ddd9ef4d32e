"""The messages of the protocol, made by generate.sh from plugins/proto/v1/plugin.proto."""
