-- who the users are and how they can be reached: the contract's personal columns, which exports alone read
with written as (

    {{ personal_columns_of_users() }}

),

numbered as (

    select
        *,
        -- of two rows of one user the one that staging accepts
        row_number() over (
            partition by shop_user_id
            order by
                case when signed_up_at < timestamp '1970-01-01' then 1 else 0 end, signed_up_at nulls last,
                email nulls last, phone nulls last, first_name nulls last, last_name nulls last, zip nulls last, madid nulls last
        ) as copy_number
    from written

),

final as (

    select
        user_keys.shop_user_id,
        user_keys.user_id,
        numbered.email,
        numbered.phone,
        numbered.first_name,
        numbered.last_name,
        numbered.zip,
        numbered.madid
    from {{ ref('user_keys') }} as user_keys
    left join numbered on user_keys.shop_user_id = numbered.shop_user_id and numbered.copy_number = 1
    where not user_keys.is_erased

)

select * from final
