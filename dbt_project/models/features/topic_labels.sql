-- the words that each user bought in the four weeks from the as-of date on: what a topic model is judged by
with windows as (

    select
        as_of_date,
        {{ add_days('as_of_date', var('interest_days')) }} as window_until
    from {{ ref('as_of_dates') }}
    where {{ add_days('as_of_date', var('interest_days')) }} <= data_until

),

products as (

    select
        product_id,
        {{ topic_word() }} as word
    from {{ ref('stg_products') }}

),

bought as (

    select
        windows.as_of_date,
        lines.user_id,
        products.word,
        count(distinct lines.ordered_on) as days
    from {{ ref('stg_order_lines') }} as lines
    inner join windows on lines.ordered_on >= windows.as_of_date and lines.ordered_on < windows.window_until
    inner join products on lines.product_id = products.product_id
    where lines.quantity > 0 and products.word is not null
    group by windows.as_of_date, lines.user_id, products.word

),

final as (

    select
        bought.as_of_date,
        bought.user_id,
        bought.word,
        cast(bought.days as integer) as days,
        cast(1 + ln(bought.days) as float) as word_count
    from bought
    inner join {{ ref('topic_documents') }} as documents
        on bought.as_of_date = documents.as_of_date and bought.user_id = documents.user_id

)

select * from final
