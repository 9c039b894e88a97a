"""purchase_intent_blend: the champion over events and windows."""
