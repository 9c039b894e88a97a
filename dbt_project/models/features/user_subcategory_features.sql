-- one row a user, subcategory worth scoring and as-of date: what the subcategory interest model sees
with lengths as (

    select
        {{ policy_value('max_subcategories_per_user') }} - floor({{ policy_value('max_subcategories_per_user') }} / 5.0) as own,
        floor({{ policy_value('max_subcategories_per_user') }} / 5.0) as popular

),

statistics as (

    select * from {{ ref('subcategory_statistics') }}

),

parents as (

    select distinct
        subcategory,
        category as parent
    from statistics
    where category is not null

),

own as (

    select
        history.as_of_date,
        history.user_id,
        history.subcategory,
        row_number() over (
            partition by history.as_of_date, history.user_id
            order by history.affinity desc, history.subcategory
        ) as place
    from {{ ref('user_subcategory_history') }} as history
    inner join parents on history.subcategory = parents.subcategory

),

candidates as (

    select
        own.as_of_date,
        own.user_id,
        own.subcategory
    from own
    cross join lengths
    where own.place <= lengths.own

    union distinct

    select
        statistics.as_of_date,
        users.user_id,
        statistics.subcategory
    from {{ ref('known_users') }} as users
    inner join statistics on users.as_of_date = statistics.as_of_date
    cross join lengths
    where statistics.best_seller_rank <= lengths.popular

),

{{ history_features('subcategory', 'user_subcategory_history', 'subcategory_statistics', 'parents') }},

final as (

    select
        as_of_date,
        user_id,
        subcategory,
        {{ float_vector(var('subcategory_interest_features')) }} as features
    from named

)

select * from final
