-- each active user's risk of pausing for four and for eight weeks, side by side
{{ config(materialized='table') }}

select
    short_term.user_id,
    short_term.churn_risk,
    long_term.churn_risk_56d,
    short_term.as_of_date,
    short_term.model_version,
    long_term.model_version as model_version_56d,
    short_term.scored_at
from {{ ref('churn_risk_scores') }} as short_term
left join {{ ref('churn_risk_56d_scores') }} as long_term on short_term.user_id = long_term.user_id
