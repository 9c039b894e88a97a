-- what makes a promotion change whether a user buys the product that is offered
{{ score_reasons('promo_effect') }}
