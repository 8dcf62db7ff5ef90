"""Peers, one module each, exposing ``peer``; its file's name is the peer's."""
