"""The learner for tables: logistic regression and boosted trees, their blend, calibrated, over one feature vector."""
