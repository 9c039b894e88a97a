-- the fifth each buyer is in by recency, frequency and recency-weighted value, 5 the best; equal figures share a fifth
with buyers as (

    select
        as_of_date,
        user_id,
        recency_days,
        visit_days_364d,
        recency_weighted_spend
    from {{ ref('user_features') }}
    where recency_days is not null

),

placed as (

    select
        as_of_date,
        user_id,
        percent_rank() over (partition by as_of_date order by recency_days desc) as recency,
        percent_rank() over (partition by as_of_date order by visit_days_364d) as frequency,
        percent_rank() over (partition by as_of_date order by recency_weighted_spend) as monetary
    from buyers

),

final as (

    select
        as_of_date,
        user_id,
        cast(least(5, 1 + floor(5 * recency)) as integer) as recency_quintile,
        cast(least(5, 1 + floor(5 * frequency)) as integer) as frequency_quintile,
        cast(least(5, 1 + floor(5 * monetary)) as integer) as monetary_quintile
    from placed

)

select * from final
