-- Which groups fare worse than the policy allows, or seem to? violated: beyond chance; suspected: the value alone lies outside.
with final as (

    select
        verdict,
        decision,
        measure,
        attribute,
        group_name,
        users,
        round(value, 4) as value,
        reference_group,
        round(reference_value, 4) as reference_value,
        comparison,
        round(compared_value, 3) as compared_value,
        round(compared_low, 3) as compared_low,
        round(compared_high, 3) as compared_high,
        least,
        most
    from {{ ref('fairness') }}
    where verdict in ('violated', 'suspected')

)

select * from final
order by verdict desc, decision, measure, attribute, group_name
