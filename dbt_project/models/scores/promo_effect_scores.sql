-- by how much a promotion raises the chance that a formerly bought product is bought; scored again only when something changed
{{ scored('promo_effect', 'promo_effect_inputs', keys=['user_id', 'product_id']) }}
