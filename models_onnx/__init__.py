"""The models: one folder each with its network or learner, training, card and file."""

import udfs  # noqa: F401, before anything imports onnxruntime: it sets what that may tell others
