-- what candidates were bought in the days after the as-of date; only where those days are over
with candidates as (

    select
        candidates.as_of_date,
        candidates.user_id,
        candidates.product_id
    from {{ ref('candidate_products') }} as candidates
    inner join {{ ref('as_of_dates') }} as dates on candidates.as_of_date = dates.as_of_date
    where {{ add_days('dates.as_of_date', var('interest_days')) }} <= dates.data_until

),

bought as (

    select distinct
        dates.as_of_date,
        lines.user_id,
        lines.product_id
    from {{ ref('stg_order_lines') }} as lines
    inner join {{ ref('as_of_dates') }} as dates
        on
            lines.ordered_on >= dates.as_of_date
            and lines.ordered_on < {{ add_days('dates.as_of_date', var('interest_days')) }}
    where lines.quantity > 0

),

final as (

    select
        candidates.as_of_date,
        candidates.user_id,
        candidates.product_id,
        bought.product_id is not null as is_bought
    from candidates
    left join bought
        on
            candidates.as_of_date = bought.as_of_date
            and candidates.user_id = bought.user_id
            and candidates.product_id = bought.product_id

)

select * from final
