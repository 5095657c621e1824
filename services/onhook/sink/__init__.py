"""The sink: captures, stores and hands out what was delivered, in webhook.site's shapes."""
