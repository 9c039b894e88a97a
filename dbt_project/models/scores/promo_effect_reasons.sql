-- what makes a promotion change whether a user buys the product that is offered; told again only when input, model or exactness changed
{{ score_reasons('promo_effect') }}
