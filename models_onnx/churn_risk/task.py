"""churn_risk: does an active user buy nothing in the next 28 days?"""

from models_onnx.churn.declaration import churn_task

TASK = churn_task("churn_risk", 28)
