-- what the page is about: the day, the build and the publication it reads, and the shop's settings
select
    (select max(as_of_date) from audits.publication) as as_of_date,
    (select max(published_at) from audits.publication) as published_at,
    (select max(build_id) from audits.publication) as build_id,
    (select max(policy_version) from audits.publication) as policy_version,
    (
        select max(value) from promotions.shop_settings
        where setting = 'currency'
    ) as currency,
    (
        select max(value) from promotions.shop_settings
        where setting = 'shop_timezone'
    ) as shop_timezone,
    (
        select cast(value as integer) from policies.policy_values
        where name = 'min_audience_size'
    ) as min_people
