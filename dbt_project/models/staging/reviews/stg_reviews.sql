-- reviews that keep the contract
select
    review_id,
    user_id,
    product_id,
    rating,
    review_text,
    reviewed_at,
    reviewed_on,
    x_columns
from {{ ref('checked_reviews') }}
where {{ array_size('reject_reasons') }} = 0
