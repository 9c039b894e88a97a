-- personal recommendations of products that the user bought lately and that people don't buy again so soon, or at all
{{ config(meta={'by_user': true}) }}
with final as (

    select
        shown.user_id,
        shown.product_id,
        history.recency_days,
        history.purchase_days,
        replenishment.rebuy_share,
        replenishment.replenishment_days
    from {{ ref('recommendations') }} as shown
    inner join {{ ref('user_product_history') }} as history
        on shown.as_of_date = history.as_of_date and shown.user_id = history.user_id and shown.product_id = history.product_id
    inner join {{ ref('product_replenishment') }} as replenishment
        on shown.as_of_date = replenishment.as_of_date and shown.product_id = replenishment.product_id
    where
        shown.recommendation_source <> 'best_seller'
        and history.recency_days < {{ policy_value('just_bought_days') }}
        and case
            when history.purchase_days >= 3
                then history.recency_days < {{ policy_value('due_share') }} * history.mean_gap_days
            when replenishment.rebuy_share >= {{ policy_value('rebuy_share') }}
                then history.recency_days < {{ policy_value('due_share') }} * replenishment.replenishment_days
            else true
        end

)

select * from final
