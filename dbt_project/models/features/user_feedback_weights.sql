-- how much each category and promotion counts for a user by what the user said of offers, newer verdicts more
{{ config(materialized='table') }}

with dates as (

    select
        as_of_date,
        {{ utc_midnight('as_of_date') }} as as_of_at
    from {{ ref('as_of_dates') }}

),

verdicts as (

    select
        dates.as_of_date,
        subjects.user_id,
        subjects.subject_kind,
        subjects.subject,
        subjects.verdict,
        subjects.given_on,
        {{ verdict_sign('subjects.verdict') }} * subjects.subject_share
        * {{ feedback_decay(days_between('subjects.given_on', 'dates.as_of_date')) }} as strength
    from {{ ref('verdict_subjects') }} as subjects
    inner join dates on subjects.given_at < dates.as_of_at
    -- who refused personalisation has no profile
    inner join {{ ref('user_permissions') }} as permissions
        on
            dates.as_of_date = permissions.as_of_date
            and subjects.user_id = permissions.user_id
            and permissions.personalisation_consent
    where subjects.verdict <> 'hide'

),

summed as (

    select
        as_of_date,
        user_id,
        subject_kind,
        subject,
        sum(case when verdict in ('like', 'used') then 1 else 0 end) as verdicts_for,
        sum(case when verdict = 'dislike' then 1 else 0 end) as verdicts_against,
        max(given_on) as last_given_on,
        {{ exact_sum('strength') }} as net_verdicts
    from verdicts
    group by as_of_date, user_id, subject_kind, subject

),

final as (

    select
        as_of_date,
        user_id,
        subject_kind,
        subject,
        cast(verdicts_for as integer) as verdicts_for,
        cast(verdicts_against as integer) as verdicts_against,
        last_given_on,
        net_verdicts,
        cast({{ feedback_weight('net_verdicts') }} as double) as weight
    from summed

)

select * from final
