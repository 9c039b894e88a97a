-- how likely each active user is to buy nothing within 56 days; scored again only when input or model changed
{{ scored('churn_risk_56d', 'churn_features', keys=['user_id']) }}
