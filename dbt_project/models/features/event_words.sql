-- what a token of an event sequence says in words: the kind of event, and how many days before the as-of date at most
{% set kinds = ['purchase', 'view', 'cart', 'uncart', 'wishlist', 'search', 'share'] %}
{% set gaps = range(1, 15) | list + gap_edges() %}
with kinds as (

    {% for kind in kinds -%}
    select
        '{{ kind }}' as event_type,
        {{ loop.index }} as kind_order
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

gaps as (

    {% for gap in gaps -%}
    select
        '{{ gap }}' as gap,
        {{ gap }} as days
    union all
    {% endfor -%}
    select
        'older' as gap,
        cast(null as integer) as days

),

words as (

    select
        kinds.event_type,
        kinds.kind_order,
        gaps.days,
        {{ token("concat_ws('', kinds.event_type, '|', gaps.gap)") }} as token
    from kinds
    cross join gaps

),

-- two words may share a token: the model can't tell them apart, and the commoner kind is told
final as (

    select
        token,
        event_type,
        days
    from words
    qualify row_number() over (partition by token order by kind_order, days nulls last) between 1 and 1

)

select * from final
