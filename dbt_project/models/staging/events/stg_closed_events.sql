-- events of the days that are over: what shop-wide statistics look at
{{ config(meta={'leaves_out_open_days': true}) }}

select
    user_id,
    product_id,
    event_type,
    event_on
from {{ ref('stg_events') }}
where event_on < {{ first_open_day(ref('as_of_dates')) }}
