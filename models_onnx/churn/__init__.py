"""Who stops buying: churn_risk and churn_risk_56d, and BG/NBD, the model of the literature that they have to beat."""
