-- what other ways of giving out the same budgets would be expected to bring
select
    strategy,
    is_in_use,
    offers,
    users as people,
    expected_redemptions as expected_uses,
    reserved_budget as reserved,
    expected_margin,
    share_of_best
from audits.allocation_strategies_compared
where expected_margin is not null
order by expected_margin desc, strategy
