-- the segments each user was in, day by day: the record that migration is read from
{{ config(
    materialized='incremental',
    unique_key='as_of_date',
    incremental_strategy='delete+insert',
    on_schema_change='fail',
    full_refresh=false,
    post_hook="{{ forget_older_than('segment_history_days') }}"
) }}
with final as (

    select
        as_of_date,
        user_id,
        life_cycle,
        value_tier,
        intent,
        cluster_name
    from {{ ref('user_segments') }}

)

select * from final
order by user_id  -- neighbours in the alphabet, so that ids pack well
