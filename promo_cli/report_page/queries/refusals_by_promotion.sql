-- which rule keeps which share of all people from the promotions of the catalogue that refuse most
with policy as (
    select value as min_people from policies.policy_values
    where name = 'min_audience_size'
),

everybody as (
    select count(*) as people from promotions.user_segments
),

cells as (
    select
        terms.promotion_name,
        refusals.promotion_id,
        refusals.code,
        count(distinct refusals.user_id) as people
    from promotions.refusals as refusals
    inner join promotions.promotion_terms as terms on refusals.promotion_id = terms.promotion_id
    where terms.source = 'catalogue'
    group by terms.promotion_name, refusals.promotion_id, refusals.code
),

largest as (
    select promotion_id
    from cells
    group by promotion_id
    order by sum(people) desc, promotion_id
    limit 20
)

select
    cells.promotion_id,
    cells.promotion_name,
    cells.code,
    codes.sentence as sentence_en,
    phrases.zh as sentence_zh,
    cells.people,
    cells.people / everybody.people as share
from cells
inner join largest on cells.promotion_id = largest.promotion_id
cross join everybody
left join policies.reject_codes as codes on cells.code = codes.code
left join policies.refusal_phrases as phrases on cells.code = phrases.code and phrases.about = 'refusal'
where cells.people >= (select min_people from policy)
order by cells.promotion_id, cells.people desc, cells.code
