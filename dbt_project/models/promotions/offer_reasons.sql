-- why each user gets an offer, or doesn't: at most three reasons a decision, in words, in each language
with languages as (

    {% for language in var('reason_languages') -%}
    select '{{ language }}' as language
    {{ "union all" if not loop.last }}
    {% endfor %}

),

-- the score that the chance of use is: of the coupon, else of the product or the category, else of buying at all
offered as (

    select
        offers.as_of_date,
        offers.user_id,
        offers.promotion_id,
        offers.offer_id,
        case
            when coupons.user_id is not null then 'coupon_redemption'
            when offers.product_id is not null then 'interest'
            when categories.category is not null then 'category_interest'
            else 'purchase_intent'
        end as score_name,
        case
            when coupons.user_id is not null then offers.promotion_id
            else coalesce(offers.product_id, categories.category, '')
        end as item_id
    from {{ ref('open_offers') }} as offers
    left join {{ ref('coupon_redemption_reasons') }} as coupons
        on offers.user_id = coupons.user_id and offers.promotion_id = coupons.item_id
    left join {{ ref('category_promotion_interest') }} as categories
        on offers.user_id = categories.user_id and offers.promotion_id = categories.promotion_id

),

{{ told_reasons(only='offered') }},

-- what speaks for it comes first: an offer is made for its reasons, not against them
strongest as (

    select
        offered.*,
        reasons.feature,
        reasons.feature_value,
        reasons.direction,
        reasons.contribution,
        reasons.method,
        row_number() over (
            partition by offered.user_id, offered.promotion_id, offered.offer_id
            order by reasons.direction desc, reasons.reason_rank
        ) as place
    from offered
    inner join reasons
        on
            offered.user_id = reasons.user_id
            and offered.score_name = reasons.score_name
            and offered.item_id = reasons.item_id

),

accepted as (

    select
        strongest.as_of_date,
        strongest.user_id,
        strongest.promotion_id,
        strongest.offer_id,
        'offered' as decision,
        cast(strongest.place as integer) as reason_rank,
        words.language,
        cast(null as string) as code,
        strongest.score_name,
        strongest.item_id,
        strongest.feature,
        strongest.direction,
        strongest.contribution,
        strongest.method,
        {{ told_reason('words.sentence', 'strongest.feature_value') }} as reason,
        cast(null as string) as what_would_change
    from strongest
    inner join {{ ref('reason_words') }} as words
        on
            strongest.score_name = words.score
            and strongest.feature = words.feature
            and words.direction
            = concat_ws('', strongest.direction, case when strongest.feature_value is null then '_unknown' end)
    where strongest.place <= 3

),

refused as (

    select
        refusals.as_of_date,
        refusals.user_id,
        refusals.promotion_id,
        cast(null as string) as offer_id,
        'refused' as decision,
        refusals.refusal_rank as reason_rank,
        languages.language,
        refusals.code,
        cast(null as string) as score_name,
        cast(null as string) as item_id,
        cast(null as string) as feature,
        cast(null as string) as direction,
        cast(null as float) as contribution,
        cast(null as string) as method,
        coalesce(
            case languages.language
                {% for language in var('reason_languages') -%}
                when '{{ language }}' then sentences.{{ language }}
                {% endfor %}
            end, codes.sentence
        ) as reason,
        {{ told_refusal(
            "case languages.language" ~ refusal_languages() ~ " end"
        ) }} as what_would_change
    from {{ ref('refusals') }} as refusals
    cross join languages
    left join {{ ref('reject_codes') }} as codes on refusals.code = codes.code
    left join {{ ref('refusal_phrases') }} as sentences on refusals.code = sentences.code and sentences.about = 'refusal'
    left join {{ ref('refusal_phrases') }} as changes on refusals.change_code = changes.code and changes.about = 'change'
    where refusals.refusal_rank <= 3

),

final as (

    select * from accepted
    union all
    select * from refused

)

select * from final
