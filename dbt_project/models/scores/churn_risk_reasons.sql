-- what speaks for and against each active user's pausing for four weeks; told again only when input, model or exactness changed
{{ score_reasons('churn_risk') }}
