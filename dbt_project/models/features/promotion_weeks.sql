-- how widely a product was promoted in a week: by mailer or display, as shares of the most stores a promotion had reached by then
with weeks as (

    select
        week_start,
        max(greatest(mailer_stores, display_stores)) as most_stores
    from {{ ref('stg_product_promotions') }}
    group by week_start

),

reach as (

    select
        week_start,
        max(most_stores) over (order by week_start rows between unbounded preceding and current row) as most_stores
    from weeks

),

shares as (

    select
        promotions.product_id,
        promotions.week_start,
        promotions.mailer_stores / nullif(cast(reach.most_stores as double), 0) as mailer_share,
        promotions.display_stores / nullif(cast(reach.most_stores as double), 0) as display_share
    from {{ ref('stg_product_promotions') }} as promotions
    inner join reach on promotions.week_start = reach.week_start

),

final as (

    select
        product_id,
        week_start,
        mailer_share,
        display_share,
        greatest(mailer_share, display_share) as promoted_share,
        greatest(mailer_share, display_share) >= {{ var('promo_treated_share') }} as is_promoted
    from shares
    where greatest(mailer_share, display_share) >= {{ var('promo_control_share') }}

)

select * from final
