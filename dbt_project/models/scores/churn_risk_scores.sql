-- how likely each active user is to buy nothing within 28 days; scored again only when input or model changed
{{ scored('churn_risk', 'churn_features', keys=['user_id']) }}
