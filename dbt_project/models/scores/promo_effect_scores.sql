-- by how much a promotion would raise the chance that a user buys a formerly bought product; scored again only when input or model changed
{{ scored('promo_effect', 'promo_effect_inputs', keys=['user_id', 'product_id']) }}
