"""churn_risk_56d: does an active user buy nothing in the next 56 days?"""

from models_onnx.churn.declaration import churn_task

TASK = churn_task("churn_risk_56d", 56)
