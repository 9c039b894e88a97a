"""onnxruntime sessions as every ONNX scorer opens them."""

from __future__ import annotations

import os

import onnxruntime as ort

from udfs.model_registry import ModelRefused


def open_session(name: str, content: bytes) -> ort.InferenceSession:
    """A session over the model's bytes alone, one thread, on the CPU; raises ModelRefused when onnxruntime can't read them."""
    options = ort.SessionOptions()
    # The pool supplies the parallelism. A second ORT thread would fight it for the cores, and spin while idle.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights that lie in other files were not hashed. Where ORT may look for them, no file can be.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base class of their own
        reason = (str(error).splitlines() or ["no message"])[0]
        raise ModelRefused(f"{name}: onnxruntime can't load the model ({reason}); train it again") from error


def describe_inputs(session: ort.InferenceSession) -> str:
    """The inputs of a graph in one line, for errors."""
    return ", ".join(f"{i.name} {i.type} {i.shape}" for i in session.get_inputs())
