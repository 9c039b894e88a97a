-- the probability of buying anything within a week; scored again only when input or model changed
{{ scored(
    'purchase_intent_blend', 'purchase_intent_inputs', keys=['user_id'], arguments=['tokens', 'windows'], score='purchase_intent'
) }}
