"""What Java's own classes print, parse and match, over plain data: no more of Java than is asked for.

Named after them: numbers, dates, zones, texts, String.format, hashCode, regular expressions. An
int is a Long, a float a Double, a Decimal a BigDecimal. Errors are ValueErrors; nothing here knows
a template, a path or a bound on anybody's work.
"""
