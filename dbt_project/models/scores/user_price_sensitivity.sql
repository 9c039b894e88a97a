-- how strongly each user answers to discounts: an elasticity with its uncertainty, from what others paid for the same products
{{ config(materialized='table') }}

with used as (

    select
        use.as_of_date,
        use.user_id,
        sum(use.purchases) as purchases,
        sum(use.compared_purchases) as compared_purchases,
        sum(use.compared_reduced_purchases) as compared_reduced_purchases,
        {{ exact_sum('use.expected_reduced_purchases') }} as expected_reduced_purchases,
        {{ exact_sum('use.excess_depth') }} as excess_depth,
        {{ exact_sum('use.squared_excess_depth') }} as squared_excess_depth,
        {{ exact_sum('use.depth_variation') }} as depth_variation,
        {{ exact_sum('use.purchases * response.shrunk_elasticity') }} / sum(use.purchases) as basket_elasticity,
        {{ exact_sum('use.purchases * response.shrunk_std_error') }} / sum(use.purchases) as basket_std_error
    from {{ ref('user_discount_use') }} as use
    inner join {{ ref('user_permissions') }} as permissions
        on use.as_of_date = permissions.as_of_date and use.user_id = permissions.user_id
    inner join {{ ref('category_price_response') }} as response
        on use.as_of_date = response.as_of_date and use.category = response.category
    where permissions.personalisation_consent
    group by use.as_of_date, use.user_id

),

-- purchases of one user are alike: the variance that they show beside the one of independent purchases
alike as (

    select
        as_of_date,
        greatest(1, {{ exact_sum('squared_excess_depth') }} / {{ exact_sum('depth_variation') }}) as overdispersion
    from used
    where depth_variation > 0
    group by as_of_date

),

-- one Newton step of a conditional logit of the price at which a product is bought, from the elasticity of all other buyers
stepped as (

    select
        used.as_of_date,
        used.user_id,
        used.excess_depth / used.depth_variation as deviation,
        greatest(alike.overdispersion / used.depth_variation, 0.000001) as variance
    from used
    inner join alike on used.as_of_date = alike.as_of_date
    where used.depth_variation > 0.000001

),

-- how users differ beyond chance
{{ random_effects('stepped', 'deviation') }},

drawn as (

    select
        used.*,
        -- the share of its way to the mean of all users by which a deviation is drawn there
        coalesce(stepped.variance / (stepped.variance + overall.between_variance), 1) as shrinkage,
        coalesce(stepped.deviation, overall.deviation) as own_deviation,
        overall.deviation as mean_deviation,
        overall.between_variance
    from used
    inner join overall on used.as_of_date = overall.as_of_date
    left join stepped
        on used.as_of_date = stepped.as_of_date and used.user_id = stepped.user_id

),

estimated as (

    select
        *,
        own_deviation - shrinkage * (own_deviation - mean_deviation) as deviation,
        basket_elasticity + own_deviation - shrinkage * (own_deviation - mean_deviation) as elasticity
    from drawn

),

centred as (

    select
        *,
        -- where users on average answer to no discount, there is nothing to compare one with
        nullif(least(0, {{ exact_avg('elasticity', 'over (partition by as_of_date)') }}), 0) as mean_elasticity
    from estimated

),

final as (

    select
        as_of_date,
        user_id,
        cast(purchases as integer) as purchases,
        cast(compared_purchases as integer) as compared_purchases,
        cast(compared_reduced_purchases / nullif(cast(compared_purchases as double), 0) as double) as reduced_share,
        cast(expected_reduced_purchases / nullif(cast(compared_purchases as double), 0) as double) as expected_reduced_share,
        cast(round(deviation, 6) as double) as deviation,
        cast(round(sqrt(shrinkage * between_variance), 6) as double) as deviation_std_error,
        cast(round(elasticity, 6) as double) as elasticity,
        cast(round(sqrt(shrinkage * between_variance + basket_std_error * basket_std_error), 6) as double) as std_error,
        cast(round(greatest(0, elasticity / mean_elasticity), 6) as double) as price_sensitivity
    from centred

)

select * from final
