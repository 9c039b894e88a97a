"""Export of a sequence network to ONNX: checked before anyone gets the bytes."""

import io
import warnings

import numpy as np
import onnx
import onnxruntime
import torch

from models_onnx.purchase_intent.network import SEQUENCE_LENGTH, VOCABULARY, SequenceNetwork
from models_onnx.purchase_intent.training import predict

INPUT_NAME = "tokens"
OUTPUT_NAME = "purchase_intent"
OPSET = 17
TOLERANCE = 1e-5
CHECKED_BATCH_SIZES = (1, 7, 200)


def export_onnx(network: SequenceNetwork) -> bytes:
    """The network as ONNX: input `tokens` int32 [N, 50], output `purchase_intent` float32 [N], N free; dropout is off.

    Given only when onnx's checker accepts it, it has the operator of its form (LSTM, GRU ...) and a dynamic batch, and
    onnxruntime's scores are within 1e-5 of torch's on batches of 1, 7 and 200. Raises RuntimeError (naming the failed check)
    or onnx's ValidationError. Equal networks give equal bytes.
    """
    buffer = io.BytesIO()
    was_training = network.training
    network.eval()
    try:
        with warnings.catch_warnings():
            # The older exporter announces its own end and doubts traced batch sizes; _check_scores tries several.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", torch.jit.TracerWarning)
            warnings.filterwarnings("ignore", message="Exporting a model to ONNX with a batch_size other than 1")
            torch.onnx.export(
                network,
                (torch.zeros((1, SEQUENCE_LENGTH), dtype=torch.int32),),
                buffer,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_axes={INPUT_NAME: {0: "rows"}, OUTPUT_NAME: {0: "rows"}},
                opset_version=OPSET,
                dynamo=False,
            )
        content = buffer.getvalue()
        _check_graph(content, network.operator)
        _check_scores(network, content)
        return content
    finally:
        network.train(was_training)


def _check_graph(content: bytes, operator: str) -> None:
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    if not any(node.op_type == operator for node in model.graph.node):
        raise RuntimeError(f"the exported graph has no {operator} node")
    for name, value in ((INPUT_NAME, model.graph.input), (OUTPUT_NAME, model.graph.output)):
        if [part.name for part in value] != [name]:
            raise RuntimeError(f"the exported graph should have exactly one tensor here: {name}")
        if not value[0].type.tensor_type.shape.dim[0].dim_param:
            raise RuntimeError(f"the exported graph has a fixed batch size in {name}")


def _check_scores(network: SequenceNetwork, content: bytes) -> None:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    for rows in CHECKED_BATCH_SIZES:
        tokens = random.integers(1, VOCABULARY, (rows, SEQUENCE_LENGTH), dtype=np.int32)
        # Left padding of every length.
        tokens[np.arange(SEQUENCE_LENGTH) < random.integers(0, SEQUENCE_LENGTH + 1, (rows, 1))] = 0
        (scores,) = session.run([OUTPUT_NAME], {INPUT_NAME: tokens})
        if scores.dtype != np.float32 or scores.shape != (rows,):
            raise RuntimeError(f"onnxruntime returned {scores.dtype} {list(scores.shape)} for {rows} rows")
        difference = float(np.abs(scores - predict(network, tokens)).max())
        if not difference <= TOLERANCE:
            raise RuntimeError(f"onnxruntime differs from torch by {difference:.1e} on a batch of {rows}")
