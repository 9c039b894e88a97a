-- rules of eligibility whose code or bit the seed reject_codes doesn't have: refusals would leave out whom they keep away
with rules as (

    select
        listed.code,
        listed.bit
    from (
        values
        {% for code, bit in bits_of_rules().items() -%}
        ('{{ code }}', {{ bit }}){{ ',' if not loop.last }}
        {% endfor -%}
    ) as listed (code, bit)

),

final as (

    select
        rules.code,
        rules.bit,
        codes.bit as bit_of_seed
    from rules
    left join {{ ref('reject_codes') }} as codes on rules.code = codes.code
    where codes.bit is null or codes.bit <> rules.bit

)

select * from final
