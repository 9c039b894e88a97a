-- what is wrong with the policies, in words: file, row and fault; a sound policy leaves none, and any fault fails the build
{% set segments = "select rules.segment as name from " ~ ref('segment_rules') ~ " as rules where rules.dimension = " %}
{% set basket_kinds = "('coupon', 'spend_threshold', 'festival', 'points_multiplier')" %}
with catalogue_rules as (
    {{ policy_faults_of('promotion_catalogue', 'promotion_id', {
        "policy.promotion_id is null": "a promotion needs a promotion_id",
        "policy.promotion_name is null": "a promotion needs a promotion_name",
        "policy.campaign_id is null": "a promotion needs the campaign_id that carries it",
        "policy.priority is null": "a promotion needs a priority",
        "policy.is_stackable is null": "is_stackable is empty: write true or false",
        "policy.kind is null or (policy.kind not in " ~ product_kinds() ~ " and policy.kind not in " ~ basket_kinds ~ ")":
            "the kind is unknown: write coupon, spend_threshold, festival, points_multiplier, flash_discount, member_exclusive, birthday or personal_pick",
        "case when policy.amount_off is null then 0 else 1 end + case when policy.percent_off is null then 0 else 1 end"
            ~ " + case when policy.points_multiplier is null then 0 else 1 end <> 1":
            "a promotion gives exactly one benefit: fill one of amount_off, percent_off and points_multiplier",
        "policy.amount_off <= 0": "amount_off is not above 0: nobody gains anything",
        "policy.percent_off <= 0 or policy.percent_off > 100": "percent_off lies outside 0 to 100",
        "policy.points_multiplier <= 1": "points_multiplier is not above 1: nobody gains anything",
        "(policy.kind = 'points_multiplier') <> (policy.points_multiplier is not null)": "points_multiplier belongs to the kind points_multiplier alone",
        "policy.min_spend < 0": "min_spend is negative",
        "policy.min_spend < policy.amount_off": "it takes more off than the min_spend it asks for",
        "policy.kind = 'spend_threshold' and policy.min_spend is null": "a spend_threshold needs a min_spend",
        "policy.kind in " ~ product_kinds() ~ " and policy.min_spend is not null": "min_spend does not go with a promotion of one product",
        "policy.budget < 0": "the budget is negative",
        "policy.budget >= 0 and policy.budget < policy.amount_off": "nobody can get it: one use costs more than the whole budget",
        "policy.budget = 0 and policy.amount_off is null": "nobody can get it: the budget is 0",
        "policy.max_redemptions < 1": "nobody can get it: max_redemptions is below 1",
        "least(policy.per_user_limit, policy.per_user_day_limit, policy.per_user_week_limit, policy.per_user_month_limit) < 1":
            "nobody can get it: a limit per user is below 1",
        "policy.ends_at <= policy.starts_at": "the window ends before it starts",
        "policy.starts_at > cast(cast(policy.starts_at as date) as timestamp) and policy.ends_at > policy.starts_at and policy.ends_at <= cast("
            ~ add_days('cast(policy.starts_at as date)', 1) ~ " as timestamp) and policy.ends_at > (select max(dates.data_until) from " ~ ref('as_of_dates')
            ~ " as dates)":
            "nobody can get it: offers are made as a day begins, and the window opens after that and is over before the next; let it open with the day",
        "policy.festival is not null and (policy.starts_at is not null or policy.ends_at is not null)":
            "a festival is a window of its own: leave starts_at and ends_at empty",
        "policy.festival is not null and policy.festival not in (select calendar.festival from " ~ ref('festival_calendar') ~ " as calendar)":
            "the festival is not in seeds/festival_calendar.csv",
        "policy.kind = 'festival' and policy.festival is null and policy.ends_at is null": "a festival promotion needs a festival, or a window that ends",
        "policy.lasts_hours < 1": "nobody can get it: lasts_hours is below 1",
        "policy.lasts_hours is null and policy.ends_at is null and policy.festival is null":
            "an offer of it would never end: fill lasts_hours, ends_at or festival",
        names_unknown('policy.life_cycles', segments ~ "'life_cycle'"): "life_cycles names a segment that seeds/segment_rules.csv lacks, or one twice",
        names_unknown('policy.value_tiers', segments ~ "'value_tier'"): "value_tiers names a segment that seeds/segment_rules.csv lacks, or one twice",
        names_unknown('policy.intents', segments ~ "'intent'"): "intents names a segment that seeds/segment_rules.csv lacks, or one twice",
        "policy.kind = 'member_exclusive' and policy.member_tiers is null": "a member_exclusive promotion needs member_tiers",
        names_unknown('policy.member_tiers', "select tiers.tier as name from " ~ ref('loyalty_tiers') ~ " as tiers union all select accounts.tier as name from "
            ~ ref('stg_loyalty_accounts') ~ " as accounts"): "member_tiers names a tier that neither seeds/loyalty_tiers.csv nor loyalty_accounts has, or one twice",
        "(policy.kind = 'birthday') <> (policy.birthday_days is not null)": "birthday_days belongs to the kind birthday alone, and each birthday needs it",
        "policy.birthday_days < 0 or policy.birthday_days > 182": "birthday_days lies outside 0 to 182",
        "policy.min_churn_risk < 0 or policy.min_churn_risk > 1": "min_churn_risk lies outside 0 to 1",
        "policy.min_churn_risk is not null and not (" ~ admits('policy.life_cycles', "'active'") ~ " or " ~ admits('policy.life_cycles', "'new'") ~ " or "
            ~ admits('policy.life_cycles', "'at_risk'") ~ ")":
            "nobody can get it: churn risk is known of new, active and at_risk users alone, and life_cycles admits none of them",
        "policy.min_margin < 0": "min_margin is negative",
        "policy.group_winner is not null and policy.group_winner not in ('expected_margin', 'best_for_customer')":
            "group_winner is unknown: write expected_margin or best_for_customer",
        "policy.group_winner is not null and policy.exclusive_group is null": "group_winner goes with an exclusive_group",
    }) }}
),

-- rows of the catalogue that contradict one another
catalogue_rows as (

    select
        promotion_id,
        exclusive_group,
        priority,
        count(*) over (partition by promotion_id) as copies,
        count(*) over (partition by exclusive_group, priority) as equals_in_group,
        min(coalesce(group_winner, 'expected_margin')) over (partition by exclusive_group) as first_winner,
        max(coalesce(group_winner, 'expected_margin')) over (partition by exclusive_group) as last_winner
    from {{ ref('promotion_catalogue') }}

),

catalogue_contradictions as (

    select
        promotion_id,
        'the promotion_id stands more than once' as fault
    from catalogue_rows
    where copies > 1

    union all

    select
        promotion_id,
        concat_ws(
            '', 'another promotion of the group ', exclusive_group, ' has the priority ', cast(priority as string),
            ' too: give each its own'
        ) as fault
    from catalogue_rows
    where
        exclusive_group is not null
        and equals_in_group > 1

    union all

    select
        promotion_id,
        concat_ws('', 'the promotions of the group ', exclusive_group, ' name different winners in group_winner') as fault
    from catalogue_rows
    where
        exclusive_group is not null
        and first_winner <> last_winner

),

festival_rules as (
    {{ policy_faults_of('festival_calendar', 'festival', {
        "policy.ends_on < policy.starts_on": "a festival ends before it starts",
    }) }}
),

value_rules as (
    {{ policy_faults_of('policy_values', 'name', {
        "policy.value is null": "the value is empty",
        "policy.value < 0": "the value is negative",
        "policy.name in ('points_per_money', 'point_value_share') and policy.value = 0": "the value is 0: points would be worth nothing, or without end",
        "policy.name in ('history_half_life_days', 'points_expire_days', 'loyalty_window_days', 'campaign_horizon_days', 'feedback_half_life_days', 'feedback_effect_days') and policy.value < 1": "the value is below one day",
        "policy.name in ('feedback_factor', 'feedback_max_weight') and policy.value < 1": "the value is below 1: likes would count against what is liked",
        "policy.name in ('max_candidates_per_user', 'feedback_effect_least_users') and policy.value < 1": "the value is below 1: nothing would be left to tell anything by",
        "policy.name = 'max_offers_per_user' and policy.value < 1": "nobody can get any offer: the value is below 1",
        "policy.name = 'risk_flag_points' and policy.value = 0": "the value is 0: everybody would be flagged, whatever they did",
        "policy.name = 'feedback_used_weight' and policy.value > 1": "the value is above 1: a use would say more than a like",
        "policy.name in ('loyalty_programme', 'assumed_incremental_share', 'refuse_unless_incremental') and policy.value > 1": "the value is above 1",
        "policy.unit like 'percent%' and policy.value > 100": "a percentage is above 100",
        "(select count(*) from " ~ ref('policy_values') ~ " as twin where twin.name = policy.name) > 1": "the name stands more than once",
    }) }}
),

segment_faults as (
    {{ segment_policy_faults() }}
),

tier_faults as (
    {{ loyalty_tier_faults() }}
),

pricing_rules as (
    {{ policy_faults_of('pricing_policy', 'category', {
        "policy.category is null": "a row needs a category, or * for all others",
        "(select count(*) from " ~ ref('pricing_policy') ~ " as twin where twin.category = policy.category) > 1": "the category stands more than once",
        "policy.is_promotable is null or policy.heeds_response is null": "is_promotable and heeds_response need true or false",
        "not coalesce(abs(policy.k_share) <= 1, false)": "k_share lies outside -1 to 1",
        "not coalesce(policy.max_discount between 0 and 1, false)": "max_discount lies outside 0 to 1",
        "not coalesce(policy.min_margin >= 0, false)": "min_margin is negative or empty",
        "not coalesce(policy.max_step between 0 and 1, false)": "max_step lies outside 0 to 1",
        "not coalesce(policy.demand_floor between 0 and policy.demand_cap, false)": "demand_floor is above demand_cap, or negative",
        "not coalesce(policy.stock_floor between 0 and 1, false)": "stock_floor lies outside 0 to 1",
        "not coalesce(policy.competitor_floor between 0 and 1, false)": "competitor_floor lies outside 0 to 1",
        "not coalesce(policy.price_step > 0, false)": "price_step is not above 0",
        "policy.price_ending < 0 or policy.price_ending >= policy.price_step": "no price can end so: price_ending lies outside 0 to price_step",
        "not coalesce(policy.prior_price_days between 1 and 364, false)": "prior_price_days lies outside 1 to 364",
    }) }}
    union all
    select
        'pricing_policy' as policy_file,
        '*' as policy_row,
        'the row * for all other categories is missing' as fault
    from {{ ref('pricing_policy') }} as policy
    having coalesce(sum(case when policy.category = '*' then 1 else 0 end), 0) = 0
),

fairness_faults as (
    {{ fairness_policy_faults() }}
),

strategy_rules as (

    select
        'allocation_strategies' as policy_file,
        '(all rows)' as policy_row,
        concat_ws('', 'exactly one strategy is in use, not ', cast(count(*) as string), ': write true in one row') as fault
    from {{ ref('allocation_strategies') }}
    where is_in_use
    having count(*) <> 1

),

-- a floor that lies above the list price of more than half of a category's products (those that cost less than they list at)
floors as (

    select
        policy.policy_category,
        count(*) as products,
        sum(case when products.unit_cost * (1 + policy.min_margin) > products.list_price then 1 else 0 end) as above_list
    from {{ ref('stg_products') }} as products
    inner join {{ ref('product_policy') }} as policy on products.product_id = policy.product_id
    where
        products.unit_cost <= products.list_price
        and products.is_active
        and policy.is_promotable
    group by policy.policy_category

),

faults as (

    select
        policy_file,
        policy_row,
        fault
    from catalogue_rules

    union all

    select
        'promotion_catalogue' as policy_file,
        promotion_id as policy_row,
        fault
    from catalogue_contradictions

    union all

    select
        policy_file,
        policy_row,
        fault
    from festival_rules

    union all

    select
        policy_file,
        policy_row,
        fault
    from value_rules

    union all

    select
        policy_file,
        policy_row,
        fault
    from segment_faults

    union all

    select
        policy_file,
        policy_row,
        fault
    from tier_faults

    union all

    select
        policy_file,
        policy_row,
        fault
    from pricing_rules

    union all

    select
        policy_file,
        policy_row,
        fault
    from fairness_faults

    union all

    select
        policy_file,
        policy_row,
        fault
    from strategy_rules

    union all

    select
        'pricing_policy' as policy_file,
        policy_category as policy_row,
        concat_ws(
            '', 'min_margin puts the floor above the list price of ', cast(above_list as string), ' of ',
            cast(products as string), ' products whose cost is known: no price is left between them'
        ) as fault
    from floors
    where above_list * 2 > products

),

final as (

    select
        concat_ws('', 'seeds/', policy_file, '.csv') as policy_file,
        coalesce(policy_row, '(empty)') as policy_row,
        fault
    from faults

)

select * from final
