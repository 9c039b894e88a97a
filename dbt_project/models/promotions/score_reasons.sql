-- what each entry of its input adds to a score, the strongest first; with the base value they sum to the score's margin
with {{ told_reasons() }}

select * from reasons
