-- the probability of buying anything within a week; scored again only when input or model changed
{{ scored('purchase_intent', 'user_event_sequences', keys=['user_id'], arguments=['tokens']) }}
